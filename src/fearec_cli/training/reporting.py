"""How training reports its progress and its end, and how it is asked to end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal

from torch import Tensor

from fearec_cli.config import RunConfig
from fearec_cli.data.prepared import Prepared
from fearec_cli.runs.records import EpochRecord
from fearec_cli.runs.state import Best, RunProgress

StopReason = Literal["patience", "epochs", "schedule", "max-steps", "time-limit", "interrupted"]


@dataclass(frozen=True)
class Beginning:
    """What is about to be trained.

    Attributes:
        config: the settings.
        prepared: the data set.
        terms: names of the loss terms.
        parameters: how many numbers are learned.
        steps: of an epoch, about.
        device: where and in what precision, in words.
    """

    config: RunConfig
    prepared: Prepared
    terms: Sequence[str]
    parameters: int
    steps: int
    device: str


class Reporter:
    """Follows a run and shows nothing; the base of those that show something.

    A context: entered before the first step, left when the run ends, however it does.
    """

    def on_start(self, beginning: Beginning) -> None:
        """Before the first step."""

    def on_epoch_start(self, progress: RunProgress, steps: int) -> None:
        """Before the first step of an epoch, or of what is left of it.

        Args:
            progress: where the run stands.
            steps: of the epoch.
        """

    def on_step(self, progress: RunProgress, steps: int, losses: Tensor, prefixes_per_second: float) -> None:
        """After each step; reading `losses` makes the host wait for the device, so do it seldom.

        Args:
            progress: progress of the run.
            steps: of an epoch.
            losses: [1 + terms] running means over the epoch: the objective, then each term.
            prefixes_per_second: of this epoch so far.
        """

    def on_note(self, text: str) -> None:
        """When something differs from the usual, in one line."""

    def on_warning(self, text: str) -> None:
        """When something is damaged and the run goes on without it, in one line."""

    def on_validation(self, progress: RunProgress, done: int, targets: int) -> None:
        """Before a validation and after each batch of it.

        Args:
            progress: where the run stands.
            done: targets that are ranked, of those of this process.
            targets: all of them.
        """

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """After each validation."""

    def __enter__(self) -> None:
        """Nothing to begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to end."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        reason: what ended it.
        checkpoint: the best weights.
        best: their validation; None where there was none.
        progress: at the end.
        prefixes_per_second: over the whole run in this process, validation left out; 0 where nothing was left to do.
    """

    reason: StopReason
    checkpoint: Path
    best: Best | None
    progress: RunProgress
    prefixes_per_second: float


class Stop:
    """Asks a run to end after its current step; what a signal handler calls."""

    requested = False

    def request(self) -> None:
        """Ask."""
        self.requested = True
