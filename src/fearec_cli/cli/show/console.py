"""The console of every command, and the forms in which things are printed: a terminal of any width, or a pipe."""

import sys
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import typer
from rich.console import Console
from rich.segment import Segment
from rich.status import Status
from rich.table import Table
from rich.text import Text

from fearec_cli.system.streams import discard_output
from fearec_cli.system.text import printable

# In a pipe a row is a line, whatever its length: nothing is folded, so that grep finds it.
_PIPE_WIDTH = 10_000
_INDENT = "  "


class _PlainStatus(Status):
    """Its lines are texts of the same kind: a path may hold square brackets."""

    def update(self, status: Any = None, **settings: Any) -> None:
        super().update(None if status is None else Text(str(status)), **settings)


class _PlainConsole(Console):
    """Prints text as it stands: no markup is read from it, and what would act on a terminal is written out.

    Everything that is printed passes here last, whatever it was composed of.
    """

    def __init__(self, *, goes_on: bool, **settings: Any) -> None:
        super().__init__(**settings)
        self._goes_on = goes_on

    def status(self, status: Any, **settings: Any) -> Status:
        """A line that says what is done now, as it stands, too."""
        return _PlainStatus(Text(str(status)), console=self, **settings)

    def on_broken_pipe(self) -> None:
        """The command ends with its own status, not with rich's."""
        raise BrokenPipeError

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError as error:
            if not self._goes_on:
                raise
            typer.echo(f"warning: the output cannot be written: {error.strerror or 'nobody reads it'}", err=True)
            discard_output()

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        return super()._render_buffer(
            segment if segment.control else Segment(printable(segment.text), segment.style) for segment in buffer
        )


def make_console(*, goes_on: bool = False) -> Console:
    """A console on standard output that folds lines on a terminal and nowhere else.

    Args:
        goes_on: warn where the output cannot be written any more, and go on; long work does not depend on it.
    """
    terminal = sys.stdout.isatty()
    return _PlainConsole(
        goes_on=goes_on,
        width=None if terminal else _PIPE_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
        force_terminal=terminal,  # FORCE_COLOR would put a bar's escapes into a log file
    )


def print_line(console: Console, text: str) -> None:
    """A line, which on a terminal is folded between words, with what follows indented.

    A word that is longer than the terminal, such as a path, is left to the terminal to fold: then it can be copied.
    """
    if not console.is_terminal:
        console.print(text, soft_wrap=True)
        return
    width = max(console.width, 2 * len(_INDENT))
    lines = textwrap.wrap(text, width, subsequent_indent=_INDENT, break_long_words=False, break_on_hyphens=False)
    console.print("\n".join(lines), soft_wrap=True)


def make_table(*headings: str) -> Table:
    """A table of aligned columns without lines; the first never breaks."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, heading in enumerate(headings):
        table.add_column(heading, no_wrap=place == 0, overflow="fold")
    return table


def print_pairs(console: Console, pairs: Mapping[str, str]) -> None:
    """A line for each name and its value, aligned."""
    width = max(map(len, pairs))
    for name, value in pairs.items():
        console.print(Text(f"{name:<{width}}  {value}"))
