"""Which users gain from a branch: the metric with and without it, by what their histories are like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.splits import HeldOut
from fearec_cli.evaluation.evaluate import Evaluation, evaluate
from fearec_cli.evaluation.metrics import discounted_gains
from fearec_cli.model.branches import silenced
from fearec_cli.model.encoder import Encoder

_BOOTSTRAPS = 2000
GROUPS = ("low", "middle", "high")


@dataclass(frozen=True)
class Gain:
    """What a branch adds for one group of users.

    Attributes:
        branch: its name.
        by: property of the histories that the groups are cut by, at its terciles.
        group: low, middle or high.
        range: smallest and largest value of the property in the group.
        users: targets in the group.
        ndcg: NDCG@10 of the whole model, unmasked.
        gain: minus that of the model with the branch silent.
        low: of the gain's interval, by bootstrap over the targets; the intervals of all groups together hold with
            95 % (Bonferroni).
        high: of it.
    """

    branch: str
    by: str
    group: str
    range: tuple[float, float]
    users: int
    ndcg: float
    gain: float
    low: float
    high: float


def gains(
    encoder: Encoder,
    table: InteractionTable,
    held_out: HeldOut,
    branches: Sequence[str],
    properties: Mapping[str, npt.NDArray[np.float64]],
    *,
    evaluated: Evaluation | None = None,
    seed: int = 0,
) -> list[Gain]:
    """What every branch adds, by every property.

    Args:
        encoder: in evaluation mode, on the device of `table`.
        table: the interactions.
        held_out: the targets.
        branches: names, in the order of `--attention`.
        properties: [P] of each target's history, by name; NaN where it has none.
        evaluated: ranks of the whole model for these targets, where they are known already.
        seed: of the bootstrap.
    """
    whole = discounted_gains((evaluated or evaluate(encoder, table, held_out)).ranks["unmasked"], 10)
    random = np.random.default_rng(seed)
    groups = [(by, values, *group) for by, values in properties.items() for group in _terciles(values)]
    tail = 0.025 / max(1, len(groups) * len(branches))
    found = []
    for index, branch in enumerate(branches):
        with silenced(encoder, index):
            difference = whole - discounted_gains(evaluate(encoder, table, held_out).ranks["unmasked"], 10)
        for by, values, group, rows in groups:
            own = difference[rows]
            means = np.array([own[random.integers(len(own), size=len(own))].mean() for _ in range(_BOOTSTRAPS)])
            low, high = np.quantile(means, [tail, 1 - tail])
            span = (float(values[rows].min()), float(values[rows].max()))
            found.append(
                Gain(
                    branch,
                    by,
                    group,
                    span,
                    len(rows),
                    float(whole[rows].mean()),
                    float(own.mean()),
                    float(low),
                    float(high),
                )
            )
    return found


def _terciles(values: npt.NDArray[np.float64]) -> list[tuple[str, npt.NDArray[np.int64]]]:
    """The rows of each group; groups that a tie leaves empty are left out."""
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return []
    edges = np.quantile(values[known], [1 / 3, 2 / 3])
    group = np.searchsorted(edges, values[known], side="left")
    found = [(name, known[group == index]) for index, name in enumerate(GROUPS)]
    return [(name, rows) for name, rows in found if len(rows)]
