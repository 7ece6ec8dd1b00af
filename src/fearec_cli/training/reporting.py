"""Who is told how training goes, how it ended, and who may ask it to end."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

from fearec_cli.runs.records import EpochRecord
from fearec_cli.runs.state import Best, Place

StopReason = Literal["patience", "epochs", "schedule", "max-steps", "time-limit", "interrupted"]


@runtime_checkable  # annotations are checked at run time in the tests
class Reporter(Protocol):
    """Who is told how training goes."""

    def on_step(self, place: Place, steps: int, losses: Tensor, prefixes_per_second: float) -> None:
        """After each step; reading `losses` makes the host wait for the device, so seldom do.

        Args:
            place: where the run stands.
            steps: of an epoch.
            losses: [1 + terms] running means over the epoch: the objective, then each term.
            prefixes_per_second: of this epoch so far.
        """

    def on_note(self, text: str) -> None:
        """When something goes another way than the normal one, in a line."""

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """After each validation."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        reason: what ended it.
        checkpoint: the best weights.
        best: their validation; None where there was none.
        place: where it stood.
        prefixes_per_second: over the whole run in this process, validation left out.
    """

    reason: StopReason
    checkpoint: Path
    best: Best | None
    place: Place
    prefixes_per_second: float


class Stop:
    """Asks a run to end after its current step; what a signal handler calls."""

    requested = False

    def request(self) -> None:
        """Ask."""
        self.requested = True
