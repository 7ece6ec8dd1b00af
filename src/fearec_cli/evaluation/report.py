"""Both protocols side by side, next to the popularity baseline: as a table to read, as JSON to keep.

A number is never shown without its protocol: between the two, the same weights differ by a quarter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut
from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.ranks import RankProtocol


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is reported of one model on one held-out part.

    Attributes:
        dataset: name of the data set.
        fingerprint: of the prepared data set, so that only results on the same data are compared.
        rule: what holds the targets out.
        model: ranks of the model.
        popularity: ranks of the baseline, of the same targets.
        ks: lengths of the list, in the order shown.
        protocols: those reported, in the order shown.
    """

    dataset: str
    fingerprint: str
    rule: LeaveOneOut | GlobalTime
    model: Evaluation
    popularity: Evaluation
    ks: Sequence[int] = (5, 10, 20)
    protocols: Sequence[RankProtocol] = ("unmasked", "seen-masked")

    def metrics(self, evaluation: Evaluation) -> dict[RankProtocol, dict[str, float]]:
        """Every metric of the model or the baseline, under each protocol reported."""
        metrics = evaluation.metrics(self.ks)
        return {protocol: metrics[protocol] for protocol in self.protocols}

    @property
    def users(self) -> int:
        """Of how many users the targets are."""
        return len(np.unique(self.model.held_out.users))


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON values, in full precision.

    Returns:
        `{"dataset", "fingerprint", "split", "rule", "targets", "users", "cold", "protocols", "popularity"}`;
        the last two are `{"unmasked": {"HR@5": ..., ...}, "seen-masked": {...}}` of the model and of the
        baseline, `cold` is `fearec_cli.data.splits.ColdTargets`.
    """
    held_out = report.model.held_out
    return {
        "dataset": report.dataset,
        "fingerprint": report.fingerprint,
        "split": held_out.split,
        "rule": report.rule.model_dump(mode="json"),
        "targets": len(held_out),
        "users": report.users,
        "cold": asdict(held_out.cold),
        "protocols": report.metrics(report.model),
        "popularity": report.metrics(report.popularity),
    }


def to_table(report: Report) -> Table:
    """The report as a table for `rich`: a row a metric, four decimals; no wider than 80 columns."""
    model = report.metrics(report.model)
    popularity = report.metrics(report.popularity)
    table = Table(
        # Text, not str: a data set's name is no markup.
        title=Text("\n".join(_title(report))),
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("metric", no_wrap=True)
    for protocol in model:
        table.add_column(f"{protocol}\nmodel", justify="right", no_wrap=True)
        table.add_column(f"{protocol}\npopularity", justify="right", no_wrap=True)
    for name in next(iter(model.values())):
        values = (f"{metrics[protocol][name]:.4f}" for protocol in model for metrics in (model, popularity))
        table.add_row(name, *values)
    return table


def _title(report: Report) -> Iterator[str]:
    held_out = report.model.held_out
    of_users = "" if report.users == len(held_out) else f" of {report.users:,} users"
    yield f"{report.dataset}, {held_out.split}, {len(held_out):,} targets{of_users}"
    yield str(report.rule)
    if any(asdict(held_out.cold).values()):
        yield str(held_out.cold)
