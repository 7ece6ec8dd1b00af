"""What is plugged in, printed: a list by kind, or one in full. Shared by `components` and `datasets`."""

import itertools
import re
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.text import Text

from fearec_cli.api import Options
from fearec_cli.cli.show.console import make_console, make_table, print_pairs
from fearec_cli.components.options import describe_options
from fearec_cli.components.registry import Broken, Registered


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
