"""The search for the largest batch: what it tries, what it gives, when it stops."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.errors import TrainingError
from fearec_cli.training import batch_size
from fearec_cli.training.batch_size import CpuGauge, CudaGauge, expected_peak, largest_batch


class Free:
    """A gauge that has room for everything."""

    def fits(self) -> bool:
        return True

    def allows_double(self) -> bool:
        return True


def tried(limit: float, most: int, error: Exception | None = None) -> tuple[int, list[int]]:
    """What is found where batches up to `limit` fit, and the batches that were tried."""
    sizes: list[int] = []

    def try_batch(size: int) -> None:
        sizes.append(size)
        if size > limit:
            raise error or torch.OutOfMemoryError("CUDA out of memory")

    return largest_batch(try_batch, most, Free()), sizes


@given(st.integers(8, 5000), st.integers(8, 5000))
def test_the_largest_power_of_two_that_fits_is_found(limit: int, most: int) -> None:
    found, sizes = tried(limit, most)
    assert found & (found - 1) == 0
    assert found <= min(limit, most) < 2 * found
    assert max(sizes) <= most


def test_the_first_size_is_tried_twice_for_the_optimisers_memory() -> None:
    assert tried(100, 1000) == (64, [8, 8, 16, 32, 64, 128])


@pytest.mark.parametrize(("most", "found"), [(1, 1), (2, 2), (5, 4), (7, 4), (8, 8), (9, 8)])
def test_there_may_be_few_prefixes(most: int, found: int) -> None:
    assert tried(1000, most)[0] == found


def test_where_nothing_fits_it_is_said() -> None:
    with pytest.raises(TrainingError, match=r"^--batch-size auto: not even 8 prefixes a step fit into memory; lower"):
        tried(7, 1000)


def test_another_error_is_not_taken_for_too_little_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        tried(20, 1000, RuntimeError("shapes do not fit"))


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(0, 10**3), st.integers(3, 10))
def test_what_grows_with_the_batch_and_its_square_is_foretold(a: int, b: int, c: int, count: int) -> None:
    peaks = [a + b * size + c * size**2 for size in (8 << power for power in range(count + 1))]
    assert expected_peak(peaks[:-1]) == max(peaks[-1], 2 * peaks[-2])


def test_of_one_batch_the_worst_is_expected() -> None:
    assert expected_peak([100]) == 400
    assert expected_peak([100, 150]) == 600


@pytest.mark.parametrize(("available", "found"), [(10_000, 512), (1_000, 16), (500, 8)])
def test_on_the_cpu_nothing_is_tried_that_would_not_fit(monkeypatch, available: int, found: int) -> None:
    """A process of 500 bytes, whose steps take 50 bytes and 8 a prefix."""
    peak = [500]
    sizes: list[int] = []
    monkeypatch.setattr(batch_size, "resident_memory", lambda: 500)
    monkeypatch.setattr(batch_size, "available_memory", lambda: available)
    monkeypatch.setattr(batch_size, "peak_memory", lambda: max(peak))

    def try_batch(size: int) -> None:
        sizes.append(size)
        peak.append(550 + 8 * size)
        assert 50 + 8 * size <= available

    assert largest_batch(try_batch, 10**6, CpuGauge()) == found == max(sizes)


@pytest.mark.parametrize(("reserved", "fits"), [(900, True), (901, False)])
def test_on_a_gpu_a_tenth_is_left(monkeypatch, reserved: int, fits: bool) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 1200))  # 200 are another process's
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 900)
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: reserved)
    gauge = CudaGauge(torch.device("cuda"))
    assert gauge.fits() is fits
    assert gauge.allows_double()
