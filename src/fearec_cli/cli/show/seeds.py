"""What several seeds came to, as a table."""

from collections.abc import Mapping

from rich.console import Console

from fearec_cli.cli.show.console import print_table
from fearec_cli.data.splits import SplitName
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.runs.seeds import Summary
from fearec_cli.significance.student import Spread

_HEADINGS = ("metric", "protocol", "mean", "deviation", "95 % interval")


def print_seeds(console: Console, summary: Summary, part: SplitName) -> None:
    """A row for each metric and protocol: mean, deviation and interval of the mean."""
    title = f"{summary.dataset}, {part}, {len(summary.runs)} seeds; intervals are Student's, of the mean over seeds"
    print_spreads(console, title, summary.spreads(part))


def print_spreads(console: Console, title: str, spreads: Mapping[RankProtocol, Mapping[str, Spread]]) -> None:
    """The same of numbers that vary over anything."""
    rows = [
        (name, protocol, f"{found.mean:.4f}", f"{found.deviation:.4f}", f"[{found.low:.4f}, {found.high:.4f}]")
        for protocol, metrics in spreads.items()
        for name, found in metrics.items()
    ]
    print_table(console, title, _HEADINGS, rows, words=2)
