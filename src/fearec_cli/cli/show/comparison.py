"""Systems beside one another, as a table."""

from collections.abc import Sequence

from rich.console import Console

from fearec_cli.cli.show.console import print_table
from fearec_cli.comparing.comparison import Compared
from fearec_cli.comparing.judged import Judged

_HEADINGS = ("system", "metric", "verdict", "runs", "value", "difference", "interval", "p", "effect")


def print_comparison(console: Console, found: Sequence[Compared], first: Judged) -> None:
    """A row for each comparison; above it the data that all rest on."""
    title = (
        f"{first.dataset}, {first.part}, {len(first.users):,} targets; {first.rule}\n"
        f"compared with {first.name}; intervals 95 %, paired over users; p by sign flips, Holm over {len(found)}"
    )
    rows = [
        (
            each.second,
            f"{each.metric} {each.protocol}",
            each.verdict,
            str(each.runs[1]),
            f"{each.values[1]:.4f}",
            f"{each.difference.value:+.4f}",
            f"[{each.difference.low:+.4f}, {each.difference.high:+.4f}]",
            f"{each.p:.2g}",
            f"{each.difference.effect:+.3f}",
        )
        for each in found
    ]
    print_table(console, title, _HEADINGS, rows, words=3)
