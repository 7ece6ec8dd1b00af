"""Two questions that no metric answers: does the model see what it predicts, and does the order of a history matter?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.splits import ColdTargets, HeldOut, ranges
from fearec_cli.errors import EvaluationError
from fearec_cli.evaluation.evaluate import Evaluation, Scorer, evaluate
from fearec_cli.evaluation.intervals import Interval, middle, resampled_means
from fearec_cli.evaluation.metrics import SHARES
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.nn.positions import Padding
from fearec_cli.nn.repeats import AddedScores

# Targets of the leak check, whose representations are all held.
_CHECKED = 4096
# One order of a history is one draw; the mean over a few scatters less than users do.
SHUFFLES = 5


@dataclass(frozen=True)
class LeakCheck:
    """What was changed, without moving a score.

    Attributes:
        targets: that were predicted.
        changed: interactions that had another item: each target and whatever came after it.
    """

    targets: int
    changed: int


@dataclass(frozen=True)
class Remains:
    """A metric with histories as they are, and shuffled.

    Attributes:
        ordered: the metric.
        shuffled: its mean over the shuffles.
        share: of the metric that stays, shuffled over ordered; None where there is none to keep.
        interval: 95 %, of the share: users are drawn, each with its ordered and its shuffled ranks.
    """

    ordered: float
    shuffled: float
    share: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Shuffled:
    """Ranks of the same targets after their histories as they are, and in random order.

    Attributes:
        ordered: one target of each user.
        shuffled: the same, once for each shuffle of the histories.
    """

    ordered: Evaluation
    shuffled: Sequence[Evaluation]

    def remains(self, ks: Sequence[int]) -> dict[RankProtocol, dict[str, Remains]]:
        """What stays of each metric, by protocol and name."""
        return {
            protocol: {
                f"{name}@{k}": _remains(
                    share(ranks, k), np.mean([share(other.ranks[protocol], k) for other in self.shuffled], axis=0)
                )
                for k in ks
                for name, share in SHARES.items()
            }
            for protocol, ranks in self.ordered.ranks.items()
        }


class _Kept:
    """A scorer that keeps what it gave."""

    def __init__(self, scorer: Scorer) -> None:
        self.max_length: int = scorer.max_length
        self.padding: Padding = scorer.padding
        self._scorer = scorer
        self.given: list[Tensor] = []

    def represent(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B D"]:
        self.given.append(self._scorer.represent(ids, lengths))
        return self.given[-1]

    def item_table(self) -> Float[Tensor, "I D"]:
        return self._scorer.item_table()

    def added_scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> AddedScores | None:
        added = self._scorer.added_scores(ids, lengths)
        self.given += [] if added is None else list(added)
        return added


def check_leaks(scorer: Scorer, table: InteractionTable, held_out: HeldOut, *, seed: int = 0) -> LeakCheck:
    """Check that no score moves when each user's predicted item and every later one are changed.

    The scores before and after go through the evaluation itself, so that whatever reads ahead is found: the model, or
    what cuts a history. They must agree in every bit, for nothing that they may depend on has changed.

    Args:
        scorer: in evaluation mode, on the device of `table`.
        table: the interactions.
        held_out: the targets; the first of each user, of at most 4,096 users that are drawn.
        seed: of the draws.

    Raises:
        EvaluationError: a score moved, or the catalogue has a single item, which leaves nothing to change.
    """
    if table.n_items < 2:
        raise EvaluationError("a catalogue of one item has nothing that could be changed: nothing was checked")
    random = np.random.default_rng(seed)
    chosen = _one_a_user(held_out)
    if len(chosen) > _CHECKED:
        chosen = _some(chosen, np.sort(random.choice(len(chosen), _CHECKED, replace=False)))
    later = _later(chosen, table.offsets.cpu().numpy())
    at = torch.as_tensor(later, device=table.items.device)
    # Another item, each as likely: 1 to I - 1 places further round the catalogue.
    step = torch.as_tensor(random.integers(1, table.n_items, len(later)), device=table.items.device)
    items = table.items.clone()
    items[at] = (items[at] - 1 + step) % table.n_items + 1
    before, after = _Kept(scorer), _Kept(scorer)
    evaluate(before, table, chosen)
    evaluate(after, replace(table, items=items), chosen)
    if not all(torch.equal(one, other) for one, other in zip(before.given, after.given, strict=True)):
        raise EvaluationError(
            "leak check: scores moved when only items at and after the predicted moment were changed, so the model "
            "reads what it predicts; its numbers are worth nothing"
        )
    return LeakCheck(len(chosen), len(later))


def evaluate_shuffled(
    scorer: Scorer, table: InteractionTable, held_out: HeldOut, *, shuffles: int = SHUFFLES, seed: int = 0
) -> Shuffled:
    """Rank the same targets after their histories in random order.

    What stays of a metric does not come from the order: on data where nearly all stays, a model of sequences shows
    nothing that a model of sets would not (Klenitskiy et al., "Does It Look Sequential?", arXiv 2408.12008, which
    shuffles the sequences that a trained model is tested on, as is done here). The target and the set of seen items
    stay.

    Args:
        scorer: in evaluation mode, on the device of `table`.
        table: the interactions.
        held_out: the targets, of which the first of each user is taken.
        shuffles: how many orders are drawn of every history.
        seed: of the shuffles.
    """
    chosen = _one_a_user(held_out)
    random = np.random.default_rng(seed)
    lengths = chosen.targets - chosen.starts
    owner = np.repeat(np.arange(len(chosen)), lengths)
    at = ranges(chosen.starts, lengths)
    device = table.items.device
    found = []
    for _ in range(shuffles):
        order = np.lexsort((random.random(len(owner)), owner))
        items = table.items.clone()
        items[torch.as_tensor(at, device=device)] = table.items[torch.as_tensor(at[order], device=device)]
        found.append(evaluate(scorer, replace(table, items=items), chosen))
    return Shuffled(evaluate(scorer, table, chosen), found)


def _remains(ordered: npt.NDArray[np.float64], shuffled: npt.NDArray[np.float64]) -> Remains:
    """Of one target a user."""
    before, after = float(ordered.mean()), float(shuffled.mean())
    if not before:
        return Remains(before, after, None, None)
    both = np.column_stack([ordered, shuffled])
    means = resampled_means(lambda rows: both[rows], np.arange(len(both)))
    # Of few users a resample may have no hit at all.
    means = means[means[:, 0] > 0]
    (interval,) = middle(means[:, 1:] / means[:, :1])
    return Remains(before, after, after / before, interval)


def _one_a_user(held_out: HeldOut) -> HeldOut:
    """The first target of each user: a later one has it in its history."""
    return _some(held_out, np.unique(held_out.users, return_index=True)[1])


def _some(held_out: HeldOut, rows: npt.NDArray[Any]) -> HeldOut:
    return HeldOut(
        held_out.starts[rows],
        held_out.targets[rows],
        split=held_out.split,
        users=held_out.users[rows],
        cold=ColdTargets(0, 0, 0),
    )


def _later(chosen: HeldOut, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Index of each target and of whatever its user does after it."""
    return ranges(chosen.targets, offsets[chosen.users + 1] - chosen.targets)
