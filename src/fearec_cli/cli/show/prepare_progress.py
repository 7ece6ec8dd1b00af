"""How a preparation is shown: one line on a terminal, a line now and then elsewhere, nothing for small logs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fearec_cli.cli.show.console import make_console
from fearec_cli.data.preparing.progress import Watcher

# A preparation shorter than this is not reported.
_PATIENCE = 2.0
_SECONDS_BETWEEN_LINES = 10.0


class PlainWatcher(Watcher):
    """A line now and then, the first after a while."""

    def __init__(self) -> None:
        super().__init__()
        self._console = make_console()
        self._begun = self._shown = time.monotonic()

    def on_rows(self, rows: int) -> None:
        """Show how many and how fast, when it is time to."""
        self._show(f"read {rows:,} rows, {rows / max(time.monotonic() - self._begun, 1e-9):,.0f} rows/s")

    def on_stage(self, stage: str) -> None:
        """Show the stage, when it is time to."""
        self._show(f"{stage} ({max(self.kept.values(), default=0):,} rows read)")

    def _show(self, text: str) -> None:
        if time.monotonic() - self._shown >= _SECONDS_BETWEEN_LINES:
            self._shown = time.monotonic()
            self._console.print(text, soft_wrap=True)


class SpinnerWatcher(PlainWatcher):
    """One line that is written over, and gone in the end."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._progress.add_task("opening")

    def _show(self, text: str) -> None:
        if time.monotonic() - self._begun >= _PATIENCE:
            self._progress.start()
        self._progress.update(self._task, description=text)

    def stop(self) -> None:
        """Take the line away."""
        self._progress.stop()


@contextmanager
def watching() -> Iterator[Watcher]:
    """A watcher for where the output goes, while the block runs."""
    if not make_console().is_terminal:
        yield PlainWatcher()
        return
    watcher = SpinnerWatcher()
    try:
        yield watcher
    finally:
        watcher.stop()
