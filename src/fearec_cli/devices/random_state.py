"""Random numbers that each process draws for itself: dropout masks, where several processes share a run."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import UInt8
from torch import Tensor


class OwnRandom:
    """A second state of torch's default generator, put in its place for a while.

    The terms of the objective draw from the default generator, and have to draw the same on every process; dropout
    draws from it too, and has to draw differently, since every process has other rows. So the encoder runs on a state
    of its process, and everything else on the common one.

    Args:
        device: whose generator.
        seed: of the state.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        self._device = device
        self.state: UInt8[Tensor, "S"] = torch.Generator(device).manual_seed(seed).get_state()

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Draw from the process's own state in this block."""
        common = self._get()
        self._set(self.state)
        try:
            yield
        finally:
            self.state = self._get()
            self._set(common)

    def _get(self) -> Tensor:
        return torch.cuda.get_rng_state(self._device) if self._device.type == "cuda" else torch.get_rng_state()

    def _set(self, state: Tensor) -> None:
        if self._device.type == "cuda":
            torch.cuda.set_rng_state(state, self._device)
        else:
            torch.set_rng_state(state)
