"""Both protocols side by side, next to the popularity baseline: as a table to read, as JSON to keep.

A number is never shown without its protocol: between the two, the same weights differ by a quarter. Where targets
repeat, those that are new to their users and those that are not are reported apart: seen-masked knows only the former.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.header import Header
from fearec_cli.evaluation.metrics import summarise
from fearec_cli.evaluation.ranks import RankProtocol

# Share of the targets from which on repeats are reported apart: below it they move no figure that anybody reads.
_APART_FROM = 0.01


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is reported of one model on one held-out part.

    Attributes:
        header: what the ranks are ranks of.
        model: ranks of the model.
        popularity: ranks of the baseline, of the same targets.
        ks: lengths of the list, in the order shown.
        protocols: those reported, in the order shown.
    """

    header: Header
    model: Evaluation
    popularity: Evaluation
    ks: Sequence[int] = (5, 10, 20)
    protocols: Sequence[RankProtocol] = ("unmasked", "seen-masked")

    def metrics(self, evaluation: Evaluation) -> dict[RankProtocol, dict[str, float]]:
        """Every metric of the model or the baseline, under each protocol reported."""
        metrics = evaluation.metrics(self.ks)
        return {protocol: metrics[protocol] for protocol in self.protocols}

    def metrics_by_novelty(self, evaluation: Evaluation) -> dict[str, dict[str, float]]:
        """Every metric, unmasked, over the targets that are new to their users and over those that are repeated."""
        repeated = evaluation.repeated
        groups = {"new": ~repeated, "repeated": repeated}
        ranks = evaluation.ranks["unmasked"]
        return {name: summarise(ranks[rows], self.ks) for name, rows in groups.items() if rows.any()}


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON values, in full precision.

    Returns:
        The facts of the header, those of its `model` among them; then `{"protocols", "popularity", "novelty"}`:
        `protocols` and `popularity` are `{"unmasked": {"HR@5": ..., ...}, "seen-masked": {...}}` of the model and of
        the baseline, and `novelty` is `{"new": {"model": {"HR@5": ...}, "popularity": {...}}, "repeated": {...}}`
        under `unmasked`.
    """
    return {
        **report.header.model_dump(mode="json", exclude={"model"}),
        **report.header.model.model_dump(mode="json"),
        "protocols": report.metrics(report.model),
        "popularity": report.metrics(report.popularity),
        "novelty": {
            name: dict(zip(("model", "popularity"), pair, strict=True)) for name, pair in _by_novelty(report).items()
        },
    }


def to_text(report: Report) -> Group:
    """The report for `rich`: a row a metric, four decimals; no wider than 80 columns."""
    model, popularity = report.metrics(report.model), report.metrics(report.popularity)
    # Text, not str: a data set's name is no markup.
    parts: list[RenderableType] = [
        Text("\n".join(report.header.lines())),
        _table({name: (model[name], popularity[name]) for name in model}),
    ]
    repeated, targets = report.header.repeated, report.header.targets
    if repeated > _APART_FROM * targets:
        said = (
            f"{repeated:,} of {targets:,} targets ({repeated / targets:.1%}) are in their own history, and seen-masked "
            "recommends nothing of it: it counts them as misses and measures the discovery of new items only. Under "
            "unmasked, by what the target is:"
        )
        parts += [Text(said), _table(_by_novelty(report))]
    return Group(*parts)


def _by_novelty(report: Report) -> dict[str, tuple[Mapping[str, float], Mapping[str, float]]]:
    """Metrics of the model and of popularity over new and over repeated targets."""
    model, popularity = (report.metrics_by_novelty(each) for each in (report.model, report.popularity))
    return {name: (model[name], popularity[name]) for name in model}


def _table(groups: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]]) -> Table:
    """Metrics of the model and of popularity beside each other, for each group."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("metric", no_wrap=True)
    for group in groups:
        table.add_column(f"{group}\nmodel", justify="right", no_wrap=True)
        table.add_column(f"{group}\npopularity", justify="right", no_wrap=True)
    for name in next(iter(groups.values()))[0]:
        table.add_row(name, *(f"{metrics[name]:.4f}" for pair in groups.values() for metrics in pair))
    return table
