"""What is plugged in, printed: a list by kind, or one in full. Shared by `components` and `datasets`."""

import itertools
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import typer
from rich.console import Console
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from fearec_cli.api import Options
from fearec_cli.components.options import describe_options
from fearec_cli.components.registry import Broken, Registered
from fearec_cli.system.streams import discard_output
from fearec_cli.system.text import printable

# In a pipe a row is a line, whatever its length: nothing is folded, so that grep finds it.
_PIPE_WIDTH = 10_000


class _PlainConsole(Console):
    """Prints text as it stands: no markup is read from it, and what would act on a terminal is written out.

    Everything that is printed passes here last, whatever it was composed of.
    """

    def __init__(self, *, goes_on: bool, **settings: Any) -> None:
        super().__init__(**settings)
        self._goes_on = goes_on

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


def print_list(entries: Iterable[Registered], broken: Iterable[Broken] = ()) -> None:
    """A line for each component, under its kind, then the plugins that cannot be used and why."""
    console = make_console()
    by_kind: dict[str, list[Registered]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(entry)
    for number, (kind, members) in enumerate(by_kind.items()):
        if number:
            console.print()
        table = make_table(kind, "package", "summary")
        for entry in sorted(members, key=lambda entry: entry.name):
            table.add_row(entry.name, _package(entry), Text(entry.component.summary))
        console.print(table)
    for failure in broken:
        console.print(Text(f"\n{failure}"))


def print_details(entry: Registered) -> None:
    """One component in full: where it comes from, and each option with type, default and bounds."""
    console = make_console()
    about = {
        "name": entry.name,
        "kind": entry.kind,
        "package": _package(entry),
        "summary": entry.component.summary,
        "source": entry.component.source,
    }
    print_pairs(console, about)
    console.print()
    _print_options(console, entry.name, entry.component.options)


def print_sections(sections: Mapping[str, type[Options]], presets: Mapping[str, str]) -> None:
    """A line for each section of settings and for each preset, after the components.

    Args:
        sections: the model of each section, whose docstring says what it holds.
        presets: the TOML text of each preset, whose first comment says what it is.
    """
    console = make_console()
    table = make_table("settings", "holds")
    for name, model in sections.items():
        table.add_row(name, _first_sentence(model.__doc__ or ""))
    console.print()
    console.print(table)
    table = make_table("preset", "is")
    for name, text in presets.items():
        comment = [line.removeprefix("#").strip() for line in itertools.takewhile(is_comment, text.splitlines())]
        table.add_row(name, _first_sentence(" ".join(comment)))
    console.print()
    console.print(table)


def print_section(name: str, model: type[Options]) -> None:
    """The settings of a section, as those of a component."""
    console = make_console()
    print_pairs(console, {"name": name, "kind": "settings", "summary": " ".join((model.__doc__ or "").split())})
    console.print()
    _print_options(console, name, model)


def is_comment(line: str) -> bool:
    """Whether this line of a TOML file is a comment."""
    return line.startswith("#")


def _print_options(console: Console, name: str, model: type[Options]) -> None:
    rows = describe_options(model)
    if not rows:
        console.print("It has no options.")
        return
    table = make_table("option", "type", "default", "bounds", "description")
    for row in rows:
        cells = (f"{name}.{row.name}", row.type, row.default, row.bounds, row.description)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)


def _first_sentence(text: str) -> str:
    """Up to the first period, colon or semicolon that a space follows, so that `et al.,` ends none."""
    return re.split(r"(?<=\.)\s|[:;]\s", " ".join(text.split()), maxsplit=1)[0].rstrip(".") + "."


def _package(entry: Registered) -> str:
    return f"{entry.package} {entry.version}".rstrip()
