"""Watches the losses and the gradient of a run: which of them was inf or NaN first, and when."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Broken(NamedTuple):
    """What was not finite, and the step at which it first was not."""

    step: int
    name: str


class FiniteWatch:
    """Keeps on the device where each value was first not finite, so that the host waits for it only when it asks.

    Args:
        terms: names of the loss terms.
        device: of the losses.
    """

    def __init__(self, terms: list[str], device: torch.device) -> None:
        # A term before the objective, which is never finite where a term is not, and both before their gradient.
        self._names = [*terms, "the objective", "the gradient"]
        self._broken_at = torch.zeros(len(self._names), dtype=torch.int64, device=device)  # 0 is nowhere

    def see(self, losses: Float[Tensor, "L"], gradient: Float[Tensor, ""], step: int) -> None:
        """Look at a step.

        Args:
            losses: the objective, then each term.
            gradient: norm of the gradient.
            step: its number, from 1.
        """
        finite = torch.cat([losses[1:], losses[:1], gradient[None]]).isfinite()
        self._broken_at = torch.where(finite | (self._broken_at > 0), self._broken_at, step)

    def broken(self) -> Broken | None:
        """The first of all that was not finite; the host waits for the device."""
        found = [
            Broken(step, name) for step, name in zip(self._broken_at.tolist(), self._names, strict=True) if step > 0
        ]
        return min(found, key=lambda broken: broken.step, default=None)
