"""A report as JSON to keep, and as tables to read."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fearec_cli.evaluation.checks import SHUFFLES, LeakCheck, Remains
from fearec_cli.evaluation.lists import ListMetrics
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.evaluation.report import MODEL, Number, Report
from fearec_cli.evaluation.slices import REPEATS, Slice

# Share of the targets from which on repeats are shown separately: below it they move no printed figure.
_APART_FROM = 0.01
# Columns of the first: with five of numbers a table then fits into 80.
_LABEL = 12
# Of a number: an interval, and a blank on either side.
_COLUMN = 13
# Name, what it is called, and how its numbers are written.
_LIST_ROWS = (
    ("coverage", "share of the catalogue", "{:.1%}"),
    ("popularity_rank", "popularity rank", "{:,.0f}"),
    ("head", "from the most bought fifth", "{:.1%}"),
    ("novelty", "novelty, bits", "{:.2f}"),
    ("diversity", "diversity", "{:.3f}"),
)


def to_json(report: Report, *, with_slices: bool = False) -> dict[str, Any]:
    """The report as JSON values, in full precision.

    Args:
        report: what is written.
        with_slices: add the numbers of every kind of targets; else those of new and repeated ones are there alone.

    Returns:
        The facts of the header, those of its `model` among them; then `protocols`, `{"unmasked": {"HR@5": ..., ...},
        "seen-masked": {...}}` of the model, and `intervals`, in which `[low, high]` stands for each number; then
        `baselines`, with `what`, `protocols` and `intervals` of each by its name; then `slices`, a list of `by`,
        `name`, `targets`, and `protocols` and `intervals` of the model and of each baseline.
    """
    numbers = report.numbers
    chosen = [each for each in report.slices if with_slices or each.by == REPEATS]
    return {
        **report.header.model_dump(mode="json", exclude={"model"}),
        **report.header.model.model_dump(mode="json"),
        **_numbers(numbers[MODEL]),
        "baselines": {
            name: {"what": report.described.get(name, ""), **_numbers(numbers[name])} for name in report.baselines
        },
        "slices": [
            {
                "by": each.by,
                "name": each.name,
                "targets": len(each.rows),
                **{who: _numbers(found) for who, found in report.numbers_of(each).items()},
            }
            for each in chosen
        ],
    }


def to_text(report: Report, *, with_slices: bool = False, width: int = 80) -> Group:
    """The report for `rich`: four decimals; where not all that ranked fit beside one another, some stand below.

    Args:
        report: what is shown.
        with_slices: show every kind of targets; else new and repeated ones, where the latter are many.
        width: columns that there are.
    """
    # Text, not str: a data set's name is not markup.
    parts: list[RenderableType] = [Text("\n".join([*report.header.lines(), "", *_legend(report)]))]
    for protocol in report.protocols:
        by_metric = {
            metric: [found[protocol][metric] for found in report.numbers.values()]
            for metric in report.numbers[MODEL][protocol]
        }
        parts += _tables(protocol, [*report.numbers], by_metric, width)
    repeated, targets = report.header.repeated, report.header.targets
    many = repeated > _APART_FROM * targets
    if many and "seen-masked" in report.protocols:
        said = (
            f"{repeated:,} of {targets:,} targets ({repeated / targets:.1%}) are in their own history, and seen-masked "
            "recommends nothing of it: it counts them as misses and measures the discovery of new items only."
        )
        parts.append(Text(said))
    chosen = [each for each in report.slices if with_slices or (many and each.by == REPEATS)]
    if chosen:
        parts += _slices_tables(report, chosen, width)
    return Group(*parts)


def lists_table(found: Mapping[RankProtocol, ListMetrics]) -> Table:
    """What the model recommends, a column a protocol."""
    k = next(iter(found.values())).k
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(f"lists of {k}")
    for protocol in found:
        table.add_column(protocol, justify="right", no_wrap=True)
    for name, label, form in _LIST_ROWS:
        cells = []
        for each in found.values():
            low, high = each.intervals[name]
            cells.append(f"{form.format(getattr(each, name))} [{form.format(low)}, {form.format(high)}]")
        table.add_row(label, *cells)
    return table


def leaks_to_text(found: LeakCheck) -> str:
    """The outcome of a leak check, in a sentence."""
    return (
        f"leak check: no score of {found.targets:,} targets moved when they and all that followed, {found.changed:,} "
        "interactions, had other items"
    )


def shuffled_table(found: Mapping[RankProtocol, Mapping[str, Remains]]) -> Table:
    """What stays of each metric when histories are shuffled, a row a protocol and metric."""
    title = f"shuffle check: histories in random order, the mean of {SHUFFLES} shuffles"
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("protocol")
    table.add_column("metric")
    for heading in ("ordered", "shuffled", "stays", "95 % interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for protocol, metrics in found.items():
        for name, each in metrics.items():
            share = "" if each.share is None else f"{each.share:.1%}"
            ends = "" if each.interval is None else f"[{each.interval.low:.1%}, {each.interval.high:.1%}]"
            table.add_row(protocol, name, f"{each.ordered:.4f}", f"{each.shuffled:.4f}", share, ends)
    return table


def _legend(report: Report) -> list[str]:
    return [
        "each number with its 95 % interval over the users (bootstrap); beside the model:",
        *(f"{name}: {report.described[name]}" for name in report.baselines if name in report.described),
    ]


def _slices_tables(report: Report, chosen: Sequence[Slice], width: int) -> list[Table]:
    protocol = report.protocols[0]
    metric = f"NDCG@{report.main_k}"
    rows = {
        f"{each.name}\n{len(each.rows):,} targets": [
            found[protocol][metric] for found in report.numbers_of(each).values()
        ]
        for each in chosen
    }
    return _tables(f"{metric}, {protocol}", [*report.numbers], rows, width)


def _tables(label: str, names: Sequence[str], rows: Mapping[str, Sequence[Number]], width: int) -> list[Table]:
    """Numbers with their intervals below them, a column for each of those that ranked, as many as fit a table."""
    beside = max(1, (width - _LABEL - 1) // _COLUMN)
    tables = []
    for first in range(0, len(names), beside):
        chosen = slice(first, first + beside)
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column(label, max_width=_LABEL, no_wrap=" " not in label)
        for name in names[chosen]:
            table.add_column(name, justify="right", no_wrap=True)
        for row, numbers in rows.items():
            table.add_row(
                row, *(f"{each.value:.4f}\n{_short(each.low)}-{_short(each.high)}" for each in numbers[chosen])
            )
        tables.append(table)
    return tables


def _short(value: float) -> str:
    """Five characters: .0616, or 1.000."""
    return f"{value:.4f}"[1:] if value < 0.99995 else "1.000"


def _numbers(found: Mapping[RankProtocol, Mapping[str, Number]]) -> dict[str, Any]:
    return {
        "protocols": {
            protocol: {name: number.value for name, number in numbers.items()} for protocol, numbers in found.items()
        },
        "intervals": {
            protocol: {name: [number.low, number.high] for name, number in numbers.items()}
            for protocol, numbers in found.items()
        },
    }
