"""The summary of several seeds, as a table."""

from rich import box
from rich.table import Table
from rich.text import Text

from fearec_cli.data.splits import SplitName
from fearec_cli.runs.seeds import Summary


def seeds_table(summary: Summary, part: SplitName) -> Table:
    """A row for each metric and protocol: mean, deviation and interval of the mean; no wider than 80 columns."""
    title = f"{summary.dataset}, {part}, {len(summary.runs)} seeds; intervals are Student's, of the mean over seeds"
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("protocol", no_wrap=True)
    table.add_column("metric", no_wrap=True)
    for heading in ("mean", "deviation", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for protocol, metrics in summary.spreads(part).items():
        for name, found in metrics.items():
            interval = f"[{found.low:.4f}, {found.high:.4f}]"
            table.add_row(protocol, name, f"{found.mean:.4f}", f"{found.deviation:.4f}", interval)
    return table
