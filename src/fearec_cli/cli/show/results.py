"""Results of many runs, as a table."""

from rich.console import Console

from fearec_cli.cli.show.console import print_line, print_table
from fearec_cli.comparing.listing import Listing, shown
from fearec_cli.comparing.rows import UNKNOWN


def print_results(console: Console, listing: Listing) -> None:
    """A row for each run or set of seeds; above it what all share. A pipe gets every fact."""
    title = "\n".join(f"{name}: {text}" for name, text in listing.common.items())
    # A name breaks at its dot, so that a column is as wide as its values.
    own = [name for name in listing.facts if not console.is_terminal or _is_of_all(listing, name)]
    facts = [name.replace(".", ".\n") for name in own]
    headings = ["path", *facts, *(name.replace(" ", "\n") for name in listing.metrics)]
    rows = [
        [
            row.path,
            *(listing.fact(row, name) for name in own),
            *(shown(row, metric) for metric in listing.metrics),
        ]
        for row in listing.rows
    ]
    print_table(console, title, headings, rows, words=1 + len(facts))
    hidden = [name for name in listing.facts if name not in own]
    if hidden:
        print_line(console, f"of components that not all of them have, in --csv alone: {', '.join(hidden)}")


def _is_of_all(listing: Listing, name: str) -> bool:
    """Whether this is a fact of every row, and not the option of a component that only some of them have."""
    section, _, option = name.partition(".")
    if not option or section in ("model", "training"):
        return True
    return all(listing.fact(row, name) != UNKNOWN for row in listing.rows if listing.fact(row, "attention") != UNKNOWN)
