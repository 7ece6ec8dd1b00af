"""What is plugged in, printed: a list by kind, or one in full. Shared by `components` and `datasets`."""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from rich.console import Console

from fearec_cli.api import Options
from fearec_cli.cli.show.console import make_console, print_list, print_pairs
from fearec_cli.components.options import describe_options
from fearec_cli.components.registry import Broken, Registered

# A family of sources that is larger is one line of the list.
_LARGE_FAMILY = 10
_OWN = "fearec"


def print_entries(entries: Iterable[Registered], broken: Iterable[Broken] = (), *, whole: bool = False) -> None:
    """A line for each component, under its kind, then the plugins that cannot be used and why.

    On a terminal a large family is one line, and packages are named that are not fearec; a pipe gets a line for each.

    Args:
        entries: components of any kind.
        broken: plugins that cannot be used.
        whole: show families whole.
    """
    console = make_console()
    by_kind: dict[str, list[Registered]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(entry)
    for number, (kind, members) in enumerate(by_kind.items()):
        if number:
            console.print()
        members = sorted(members, key=lambda entry: entry.name)
        if console.is_terminal:
            print_list(console, (kind, "summary"), list(_short_rows(members, whole=whole)))
        else:
            rows = [(entry.name, _package(entry), entry.component.summary) for entry in members]
            print_list(console, (kind, "package", "summary"), rows)
    for failure in broken:
        console.print(f"\n{failure}", soft_wrap=True)


def _short_rows(members: Iterable[Registered], *, whole: bool) -> Iterator[tuple[str, str]]:
    for family, group in itertools.groupby(members, key=lambda entry: entry.name.partition("-")[0]):
        alike = list(group)
        if len(alike) > _LARGE_FAMILY and not whole:
            yield f"{family}-...", f"{len(alike)} sources of {family}: `fearec datasets {family}` lists them."
            continue
        for entry in alike:
            package = "" if entry.package == _OWN else f" (package {_package(entry)})"
            yield entry.name, entry.component.summary + package


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
    console.print()
    rows = [(name, _first_sentence(model.__doc__ or "")) for name, model in sections.items()]
    print_list(console, ("settings", "holds"), rows)
    rows = []
    for name, text in presets.items():
        comment = [line.removeprefix("#").strip() for line in itertools.takewhile(is_comment, text.splitlines())]
        rows.append((name, _first_sentence(" ".join(comment))))
    console.print()
    print_list(console, ("preset", "is"), rows)


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
    cells = [(f"{name}.{row.name}", row.type, row.default, row.bounds, row.description) for row in rows]
    print_list(console, ("option", "type", "default", "bounds", "description"), cells)


def _first_sentence(text: str) -> str:
    """Up to the first period, colon or semicolon that a space follows, so that `et al.,` ends none."""
    return re.split(r"(?<=\.)\s|[:;]\s", " ".join(text.split()), maxsplit=1)[0].rstrip(".") + "."


def _package(entry: Registered) -> str:
    return f"{entry.package} {entry.version}".rstrip()
