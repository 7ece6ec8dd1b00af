"""The largest batch that fits into memory, found by trying."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch

from fearec_cli.errors import TrainingError
from fearec_cli.system.memory import available_memory, peak_memory, ran_out_of_memory, resident_memory

_FIRST = 8
# Shares of the memory that a batch may take: the rest is for validation, fragmentation and the rest of the machine.
_SHARE_OF_CPU = 0.7
_SHARE_OF_GPU = 0.9


@runtime_checkable  # annotations are checked at run time in the tests
class Gauge(Protocol):
    """Judges from the steps that were tried whether there is room."""

    def fits(self) -> bool:
        """Whether what was tried leaves enough room."""

    def allows_double(self) -> bool:
        """Whether twice as much may be tried."""


class CpuGauge:
    """Allows no batch that, by what smaller ones took, would not fit: Linux kills a process that asks for too much."""

    def __init__(self) -> None:
        self._before = resident_memory()
        self._peaks: list[int] = []  # of each size that was tried, above what there was before

    def fits(self) -> bool:
        """True: it did not run out."""
        self._peaks.append(max(0, peak_memory() - self._before))
        return True

    def allows_double(self) -> bool:
        """Whether there is the memory that twice the batch is expected to take."""
        room = available_memory() + resident_memory() - self._before
        return expected_peak(self._peaks) <= _SHARE_OF_CPU * room


def expected_peak(peaks: Sequence[int]) -> int:
    """The peak of the next batch, from those of batches each twice as large as the one before.

    A step takes a + b B + c B² bytes: the contrast compares every sequence of a batch with every other. The last three
    peaks give a, b and c: P(8) = P(4) + 6 (P(4) - P(2)) - 8 (P(2) - P(1)). Fewer than three are taken for c B².
    """
    if len(peaks) < 3:
        return 4 * peaks[-1]
    first, second, third = peaks[-3:]
    return max(2 * third, third + 6 * (third - second) - 8 * (second - first))


class CudaGauge:
    """A GPU raises an error for what does not fit, which harms nothing: batches are tried until it does.

    Args:
        device: the GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def fits(self) -> bool:
        """Whether the allocator has taken no more than its share."""
        free, _ = torch.cuda.mem_get_info(self._device)
        there = free + torch.cuda.memory_reserved(self._device)
        return torch.cuda.max_memory_reserved(self._device) <= _SHARE_OF_GPU * there

    def allows_double(self) -> bool:
        """True: trying does no harm."""
        return True


def gauge_of(device: torch.device) -> Gauge:
    """The gauge of a device's memory."""
    return CudaGauge(device) if device.type == "cuda" else CpuGauge()


def largest_batch(try_batch: Callable[[int], None], most: int, gauge: Gauge) -> int:
    """The largest power of two that fits.

    Args:
        try_batch: takes a training step on so many prefixes.
        most: prefixes there are.
        gauge: of the memory.

    Raises:
        TrainingError: not even the first fits.
    """
    largest, size = 0, min(_FIRST, most)
    while size <= most and _fits(try_batch, size, gauge):
        largest, size = size, 2 * size
        if not gauge.allows_double():
            break
    if largest == 0:
        raise TrainingError(
            f"--batch-size auto: not even {size} prefixes a step fit into memory; lower model.max_length or model.dim, "
            "or choose a loss that samples its negatives"
        )
    return 1 << (largest.bit_length() - 1)


def _fits(try_batch: Callable[[int], None], size: int, gauge: Gauge) -> bool:
    try:
        for _ in range(2 if size <= _FIRST else 1):  # the optimiser's memory is there from the second step on
            try_batch(size)
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        return False
    return gauge.fits()
