"""What is reported of a model: every number beside the baselines, under both protocols, with its interval.

A number is never shown without its protocol: between the two, the same weights differ by a quarter. `shown.py` makes a
table of it to read, and JSON to keep.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.header import Header
from fearec_cli.evaluation.intervals import MAP, metric_intervals
from fearec_cli.evaluation.metrics import mean_average_precision, summarise
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.evaluation.slices import Slice

MODEL = "model"


class Number(NamedTuple):
    """A metric and its 95 % interval over the users."""

    value: float
    low: float
    high: float


# By who ranked, protocol and metric, as in numbers["model"]["unmasked"]["NDCG@10"].
Numbers = dict[str, dict[RankProtocol, dict[str, Number]]]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is reported of one model on one held-out part.

    Attributes:
        header: what the ranks are ranks of.
        model: ranks of the model.
        baselines: ranks of the same targets by each baseline, by its name.
        described: what each baseline does.
        slices: kinds of targets.
        ks: lengths of the list, in the order shown.
        protocols: those reported, in the order shown.
    """

    header: Header
    model: Evaluation
    baselines: Mapping[str, Evaluation]
    described: Mapping[str, str] = field(default_factory=dict)
    slices: Sequence[Slice] = ()
    ks: Sequence[int] = (5, 10, 20)
    protocols: Sequence[RankProtocol] = ("unmasked", "seen-masked")

    @property
    def main_k(self) -> int:
        """The length of the list that is shown where one has to do: 10, or the last."""
        return 10 if 10 in self.ks else self.ks[-1]

    def metrics(self, evaluation: Evaluation) -> dict[RankProtocol, dict[str, float]]:
        """Every metric of the model or of a baseline, under each protocol reported."""
        metrics = evaluation.metrics(self.ks)
        return {protocol: metrics[protocol] for protocol in self.protocols}

    @cached_property
    def numbers(self) -> Numbers:
        """Every metric of the model and of each baseline over all targets, with its interval."""
        return self._numbers(None)

    def numbers_of(self, part: Slice) -> Numbers:
        """The same over some of the targets."""
        if part not in self._of_slices:
            self._of_slices[part] = self._numbers(part)
        return self._of_slices[part]

    @cached_property
    def _of_slices(self) -> dict[Slice, Numbers]:
        """What was asked for: a table and its JSON show the same, and a bootstrap takes its time."""
        return {}

    def _numbers(self, part: Slice | None) -> Numbers:
        rows = slice(None) if part is None else part.rows
        ranks = {
            (who, protocol): evaluation.ranks[protocol][rows]
            for who, evaluation in {MODEL: self.model, **self.baselines}.items()
            for protocol in self.protocols
        }
        found: Numbers = {}
        users = self.model.held_out.users[rows]
        for (who, protocol), ends in metric_intervals(ranks, users, self.ks).items():
            own = ranks[who, protocol]
            values = summarise(own, self.ks)
            for k in self.ks:
                if (name := f"{MAP}@{k}") in ends:  # where some user has several targets
                    values[name] = mean_average_precision(own, users, k)
            found.setdefault(who, {})[protocol] = {name: Number(values[name], *both) for name, both in ends.items()}
        return found
