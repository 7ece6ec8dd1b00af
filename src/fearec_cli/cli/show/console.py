"""The console of every command, and the forms in which things are printed: a terminal of any width, or a pipe."""

import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.segment import Segment
from rich.status import Status
from rich.table import Table
from rich.text import Text

from fearec_cli.system.streams import discard_output
from fearec_cli.system.text import printable

# In a pipe a row is a line, whatever its length: nothing is folded, so that grep finds it.
_PIPE_WIDTH = 10_000
_INDENT = "  "
# Columns below which prose in a column is no longer read easily.
_NARROWEST = 36


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


def print_line(console: Console, text: str, indent: str = "") -> None:
    """A line, which on a terminal is folded between words, with what follows indented.

    A word that is longer than the terminal, such as a path, is left to the terminal to fold: then it can be copied.

    Args:
        console: where it goes.
        text: one line.
        indent: stands before all of it.
    """
    if not console.is_terminal:
        console.print(indent + text, soft_wrap=True)
        return
    console.print("\n".join(_folded(text, console.width, indent, indent + _INDENT)), soft_wrap=True)


def print_pairs(console: Console, pairs: Mapping[str, str]) -> None:
    """A line for each name and its value, aligned; where a terminal is narrow, a value stands below its name."""
    width = max(map(cell_len, pairs)) + len(_INDENT)
    for name, value in pairs.items():
        label = name + " " * (width - cell_len(name))
        if not console.is_terminal:
            console.print(label + value, soft_wrap=True)
        elif console.width - width >= _NARROWEST or cell_len(label + value) <= console.width:
            console.print("\n".join(_folded(value, console.width, label, " " * width)), soft_wrap=True)
        else:
            own = name[: len(name) - len(name.lstrip())] + _INDENT
            console.print("\n".join([name, *_folded(value, console.width, own, own)]), soft_wrap=True)


def print_list(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows of aligned columns without lines, the last of which is prose.

    Where a terminal leaves it too little room, the other cells stand in a line of their own and the prose below.
    """
    widths = [max(map(cell_len, column)) + len(_INDENT) for column in zip(headings, *rows, strict=True)]
    room = console.width - sum(widths[:-1])
    narrow = console.is_terminal and room < min(_NARROWEST, widths[-1] - len(_INDENT))
    for number, row in enumerate((headings, *rows)):
        style = "bold" if number == 0 else None
        if narrow and number == 0:
            continue
        before = "".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths[:-1], strict=False))
        if not console.is_terminal:
            console.print((before + row[-1]).rstrip(), style=style, soft_wrap=True)
        elif narrow:
            print_line(console, _INDENT.join(filter(None, row[:-1])))
            console.print("\n".join(_folded(row[-1], console.width, _INDENT, _INDENT)), soft_wrap=True)
        else:
            hanging = " " * sum(widths[:-1])
            console.print("\n".join(_folded(row[-1], console.width, before, hanging)), style=style, soft_wrap=True)


def print_table(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], words: int
) -> None:
    """A table under a title, its numbers at the right; where it does not fit a terminal, a row is a list of pairs.

    Args:
        console: where it goes.
        title: lines that stand above it; none if it is empty.
        headings: of the columns; a line break stands where one may be broken.
        rows: cells.
        words: columns with words, the first ones; the others are numbers.
    """
    for line in title.splitlines():
        print_line(console, line)
    table = Table(box=box.SIMPLE_HEAD)
    for place, heading in enumerate(headings):
        table.add_column(Text(heading), justify="left" if place < words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    if not console.is_terminal or _natural_width(console, table) <= console.width:
        console.print(table)
        return
    for label, *cells in rows:
        console.print()
        print_line(console, label)
        names = (" ".join(heading.replace(".\n", ".").split()) for heading in headings[1:])
        pairs = {_INDENT + name: " ".join(cell.split()) for name, cell in zip(names, cells, strict=True)}
        print_pairs(console, {name: cell for name, cell in pairs.items() if cell not in ("", "-")})
    console.print()


def _natural_width(console: Console, table: Table) -> int:
    """Columns that a table takes where nothing of it is cut."""
    return Measurement.get(console, console.options.update(width=_PIPE_WIDTH), table).maximum


def _folded(text: str, width: int, first: str, rest: str) -> list[str]:
    """Lines of a text, folded between words, the first behind one text and the others behind another."""
    return textwrap.wrap(
        text,
        max(width, len(rest) + 1, len(first) + 1),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
