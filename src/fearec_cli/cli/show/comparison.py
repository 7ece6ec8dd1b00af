"""Systems beside one another, as a table."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from fearec_cli.comparing.comparison import Compared
from fearec_cli.comparing.judged import Judged


def comparison_table(found: Sequence[Compared], first: Judged) -> Table:
    """A row for each comparison, under the data that all are computed on."""
    title = (
        f"{first.dataset}, {first.part}, {len(first.users):,} targets; {first.rule}\n"
        f"compared with {first.name}; intervals 95 %, paired over users; p by sign flips, Holm over {len(found)}"
    )
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("system", overflow="fold")
    table.add_column("metric", overflow="fold")
    for heading in ("runs", "value", "difference", "interval", "p", "effect"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for each in found:
        difference = each.difference
        table.add_row(
            Text(each.second),
            f"{each.metric} {each.protocol}",
            str(each.runs[1]),
            f"{each.values[1]:.4f}",
            f"{difference.value:+.4f}",
            f"[{difference.low:+.4f}, {difference.high:+.4f}]",
            f"{each.p:.2g}",
            f"{difference.effect:+.3f}",
            each.verdict,
        )
    return table
