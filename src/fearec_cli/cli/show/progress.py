"""How training is shown: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor

from fearec_cli.cli.show.console import make_console, print_line
from fearec_cli.cli.show.train_report import duration, epoch_line, head, losses, most_steps
from fearec_cli.runs.records import EpochRecord
from fearec_cli.runs.state import RunProgress
from fearec_cli.system.memory import peak_memory
from fearec_cli.training.reporting import Beginning, Reporter

# Reading the losses makes the host wait for the device: seldom, and less so in a log file.
_SECONDS_BETWEEN_READS = 1.0
_SECONDS_BETWEEN_LINES = 15.0
# How long a run is watched before it is said how long it takes, and how long it must take to be worth a line.
_SECONDS_TO_TELL = 5.0
_LONG = 60.0
_NARROWEST_BAR, _WIDEST_BAR = 4, 30
_CLOCK = len("0:00:00")


class PlainReporter(Reporter):
    """Plain lines: one an epoch, and one now and then within it.

    Args:
        console: where they go; standard output unless given.
    """

    between = _SECONDS_BETWEEN_LINES

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or make_console(goes_on=True)
        self._shown = time.monotonic()
        self._begin = 0.0
        self._first_step = 0
        self._part = ""  # of the epoch under way that is trained, where it is not the whole
        self._told = False

    def on_start(self, beginning: Beginning) -> None:
        """Show what is about to be trained."""
        self.beginning = beginning
        for line in head(beginning):
            print_line(self.console, line)

    def on_epoch_start(self, progress: RunProgress, steps: int) -> None:
        """Start the clock."""
        if not self._begin:
            self._begin, self._first_step = time.monotonic(), progress.step

    def on_step(self, progress: RunProgress, steps: int, losses: Tensor, prefixes_per_second: float) -> None:
        """Show the running means when it is time to."""
        self._part = f"{progress.step_in_epoch:,}/{steps:,}" if progress.step_in_epoch < steps else ""
        now = time.monotonic()
        if now - self._shown < self.between:
            return
        self._shown = now
        if now - self._begin >= _SECONDS_TO_TELL:
            self._tell(progress.step, progress.seconds, "its validation not counted")
        self.show_step(progress, steps, losses.tolist(), prefixes_per_second)

    def show_step(self, progress: RunProgress, steps: int, values: list[float], prefixes_per_second: float) -> None:
        """Print a line within an epoch."""
        self.console.print(
            f"epoch {progress.epoch + 1} step {progress.step_in_epoch}/{steps}: {self._losses(values)}, "
            f"{prefixes_per_second:,.0f} targets/s",
            soft_wrap=True,
        )

    def on_validation(self, progress: RunProgress, done: int, targets: int) -> None:
        """Show how far it is when it is time to."""
        if time.monotonic() - self._shown >= self.between:
            self._shown = time.monotonic()
            self.show_validation(progress, done, targets)

    def show_validation(self, progress: RunProgress, done: int, targets: int) -> None:
        """Print a line within a validation."""
        self.console.print(f"validating: {done / targets:.0%} of {targets:,} targets", soft_wrap=True)

    def on_note(self, text: str) -> None:
        """Print it."""
        print_line(self.console, f"note: {text}")

    def on_warning(self, text: str) -> None:
        """Print it on standard error."""
        typer.echo(f"warning: {text}", err=True)

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """Print the epoch's line."""
        print_line(self.console, epoch_line(record, self.beginning.terms, part=self._part, best=best))
        if self._begin:
            self._tell(record.step, record.seconds, "with its validation")

    def _losses(self, values: list[float]) -> str:
        return losses(self.beginning.terms, values)

    def _tell(self, step: int, seconds: float, counted: str) -> None:
        """Say once how long the run may take, where that is long."""
        if self._told or step == self._first_step:
            return
        self._told = True
        config, steps = self.beginning.config, self.beginning.steps
        a_step = (time.monotonic() - self._begin) / (step - self._first_step)
        left = a_step * (most_steps(config, steps) - step)
        if config.training.time_limit:
            left = min(left, 60 * config.training.time_limit - seconds)
        if left >= _LONG:
            self.on_note(
                f"an epoch takes about {duration(a_step * steps)}, {counted}; the run at most {duration(left)}"
            )


class BarReporter(PlainReporter):
    """A bar for the epoch or validation under way, above it a line for each epoch that is done.

    Count and remaining time are always there; what is said beside them is what there is room for.

    Attributes:
        bar: what is live.
    """

    between = _SECONDS_BETWEEN_READS

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console)
        self._column = BarColumn()
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            self._column,
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=self.console,
            transient=True,
        )
        self._task: TaskID | None = None

    def on_epoch_start(self, progress: RunProgress, steps: int) -> None:
        """Show an empty bar: the first step may take long."""
        super().on_epoch_start(progress, steps)
        self._show(self._epoch(progress), progress.step_in_epoch, steps, [self._standing(progress)], begins=True)

    def show_step(self, progress: RunProgress, steps: int, values: list[float], prefixes_per_second: float) -> None:
        """Move the bar."""
        loss, rate, standing = (
            f"loss {values[0]:.4f}",
            f"{prefixes_per_second:,.0f} targets/s",
            self._standing(progress),
        )
        texts = [
            ", ".join(filter(None, parts))
            for parts in ((self._losses(values), rate, standing), (loss, rate, standing), (loss, standing), (loss,))
        ]
        self._show(self._epoch(progress), progress.step_in_epoch, steps, texts)

    def on_validation(self, progress: RunProgress, done: int, targets: int) -> None:
        """Move the bar of the validation; it is not costly."""
        self._show("validating", done, targets, [], begins=done == 0)

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """Print the epoch's line, and take the bar away until the next one."""
        if self._task is not None:
            self.bar.remove_task(self._task)
            self._task = None
        super().on_epoch(record, best=best)

    def _epoch(self, progress: RunProgress) -> str:
        return f"epoch {progress.epoch + 1}/{self.beginning.config.training.epochs}"

    def _standing(self, progress: RunProgress) -> str:
        """Which epoch is the best so far, and how many of those that patience allows have passed since."""
        if progress.best is None:
            return ""
        return f"best {progress.best.epoch}, patience {progress.worse}/{self.beginning.config.training.patience}"

    def _show(self, what: str, done: int, of: int, texts: list[str], *, begins: bool = False) -> None:
        """Show the bar with the first of these texts that there is room for.

        Args:
            what: stands before it.
            done: of what is counted.
            of: all of what is counted.
            texts: stand behind it, the longest first.
            begins: whether what is counted begins now.
        """
        fixed = len(what) + 2 * len(str(of)) + 1 + _CLOCK + 4  # a blank after each, as the texts have
        room = self.console.width - fixed
        text = next((text for text in texts if len(text) <= room - min(_WIDEST_BAR, room // 4) - 1), "")
        self._column.bar_width = max(_NARROWEST_BAR, min(_WIDEST_BAR, room - len(text) - 1))
        if begins and self._task is not None:
            self.bar.remove_task(self._task)  # the clock of another count
            self._task = None
        if self._task is None:
            self._task = self.bar.add_task(what, total=of, completed=done, text=text)
        self.bar.update(self._task, description=what, completed=done, total=of, text=text)

    def __enter__(self) -> None:
        self.bar.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()


def make_reporter() -> PlainReporter:
    """A bar on a terminal, lines in a file or a pipe."""
    console = make_console(goes_on=True)
    return BarReporter(console) if console.is_terminal else PlainReporter(console)


def describe_memory() -> str:
    """The process's largest resident size so far, and the GPU's where one was used."""
    text = f"{peak_memory() / 2**30:.2f} GiB"
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        text += f", {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB on the GPU"
    return text
