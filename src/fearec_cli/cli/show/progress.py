"""How training is shown: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType

import torch
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from torch import Tensor

from fearec_cli.cli.show.listing import make_console
from fearec_cli.runs.records import EpochRecord
from fearec_cli.runs.state import RunProgress
from fearec_cli.system.memory import peak_memory
from fearec_cli.training.reporting import Beginning, Reporter

console = make_console(goes_on=True)
# Reading the losses makes the host wait for the device: seldom, and less so in a log file.
_SECONDS_BETWEEN_READS = 1.0
_SECONDS_BETWEEN_LINES = 15.0


class PlainReporter(Reporter):
    """Plain lines: one an epoch, and one now and then within it."""

    between = _SECONDS_BETWEEN_LINES

    def __init__(self) -> None:
        self._terms: list[str] = []
        self._shown = time.monotonic()

    def on_start(self, beginning: Beginning) -> None:
        """Show what is about to be trained."""
        self._terms = list(beginning.terms)
        prepared, config = beginning.prepared, beginning.config
        console.print(
            f"{prepared.name}: {prepared.n_users:,} users, {prepared.n_items:,} items; "
            f"{config.attention} on filter {config.filter}, fusion {config.fusion}, loss {config.loss}; "
            f"{beginning.parameters:,} parameters; {beginning.device}",
            soft_wrap=True,
        )

    def on_step(self, progress: RunProgress, steps: int, losses: Tensor, prefixes_per_second: float) -> None:
        """Show the running means when it is time to."""
        if time.monotonic() - self._shown < self.between:
            return
        self._shown = time.monotonic()
        self.show_step(progress, steps, self._describe(losses.tolist()), prefixes_per_second)

    def show_step(self, progress: RunProgress, steps: int, losses: str, prefixes_per_second: float) -> None:
        """Print a line within an epoch."""
        console.print(
            f"epoch {progress.epoch + 1} step {progress.step_in_epoch}/{steps}: {losses}, "
            f"{prefixes_per_second:,.0f} prefixes/s",
            soft_wrap=True,
        )

    def on_note(self, text: str) -> None:
        """Print it."""
        console.print(f"note: {text}", soft_wrap=True)

    def on_warning(self, text: str) -> None:
        """Print it on standard error."""
        typer.echo(f"warning: {text}", err=True)

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """Print the epoch's line."""
        losses = self._describe([record.loss, *record.terms.values()])
        valid = "; ".join(
            f"{protocol} HR@10 {metrics['HR@10']:.4f} NDCG@10 {metrics['NDCG@10']:.4f}"
            for protocol, metrics in record.valid.items()
        )
        mark = " *" if best else ""
        console.print(
            f"epoch {record.epoch}: {losses}; {valid}; {record.prefixes_per_second:,.0f} prefixes/s{mark}",
            soft_wrap=True,
        )

    def _describe(self, losses: list[float]) -> str:
        names = ["loss", *self._terms] if len(self._terms) > 1 else ["loss"]
        return ", ".join(f"{name} {value:.4f}" for name, value in zip(names, losses, strict=False))


class BarReporter(PlainReporter):
    """A bar for the epoch under way, with its remaining time, above it a line for each one that is done."""

    between = _SECONDS_BETWEEN_READS

    def __init__(self) -> None:
        super().__init__()
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def show_step(self, progress: RunProgress, steps: int, losses: str, prefixes_per_second: float) -> None:
        """Move the bar."""
        text = f"{losses}, {prefixes_per_second:,.0f} prefixes/s"
        if self._task is None:
            self._task = self._progress.add_task("", total=steps, epoch=progress.epoch + 1, text=text)
        self._progress.update(
            self._task, completed=progress.step_in_epoch, total=steps, epoch=progress.epoch + 1, text=text
        )

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """Print the epoch's line and begin the next bar."""
        super().on_epoch(record, best=best)
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None

    def __enter__(self) -> None:
        self._progress.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def make_reporter() -> PlainReporter:
    """A bar on a terminal, lines in a file or a pipe."""
    return BarReporter() if console.is_terminal else PlainReporter()


def describe_memory() -> str:
    """The process's largest resident size so far, and the GPU's where one was used."""
    text = f"{peak_memory() / 2**30:.2f} GiB"
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        text += f", {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB on the GPU"
    return text
