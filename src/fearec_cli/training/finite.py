"""Watches over the losses of a run: where one of them first was infinite or no number."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class Broken(NamedTuple):
    """What was not finite, and the step at which it first was not."""

    step: int
    name: str


class FiniteWatch:
    """Keeps on the device where each loss was first not finite, so that the host waits for it only when it asks.

    Args:
        names: of the objective, then of each term.
        device: of the losses.
    """

    def __init__(self, names: list[str], device: torch.device) -> None:
        self._names = names
        self._broken_at = torch.zeros(len(names), dtype=torch.int64, device=device)  # 0 is nowhere

    def see(self, losses: Float[Tensor, "L"], step: int) -> None:
        """Look at the losses of a step.

        Args:
            losses: in the order of the names.
            step: its number, from 1.
        """
        self._broken_at = torch.where(losses.isfinite() | (self._broken_at > 0), self._broken_at, step)

    def broken(self, means: Float[Tensor, "L"], step: int) -> Broken | None:
        """The first of all that was not finite; the host waits for the device.

        Args:
            means: of the losses, which may overflow where no loss does.
            step: the last one done, to which an overflow of the means is put down.
        """
        # A term before the objective, which is never finite where a term is not.
        found = [
            (first or step, index == 0, name)
            for index, (name, value, first) in enumerate(
                zip(self._names, means.tolist(), self._broken_at.tolist(), strict=True)
            )
            if first or not math.isfinite(value)
        ]
        if not found:
            return None
        first, _, name = min(found)
        return Broken(first, name)
