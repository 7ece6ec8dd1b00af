"""Results of many runs, as a table."""

from rich import box
from rich.table import Table
from rich.text import Text

from fearec_cli.comparing.listing import Listing, shown


def results_table(listing: Listing) -> Table:
    """A row for each run or set of seeds; above it what all share."""
    title = "\n".join(f"{name}: {text}" for name, text in listing.common.items())
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("path", overflow="fold")
    for name in listing.facts:
        # A name breaks at its dot, so that a column is as wide as its values.
        table.add_column(name.replace(".", ".\n"), overflow="fold")
    for name in listing.metrics:
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for row in listing.rows:
        facts = (listing.fact(row, name) for name in listing.facts)
        table.add_row(*map(Text, (row.path, *facts, *(shown(row, metric) for metric in listing.metrics))))
    return table
