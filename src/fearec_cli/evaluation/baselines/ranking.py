"""Ranks of the baselines, exact: the rule of `fearec_cli.evaluation.ranks`, counted over sparse scores.

An item has the score that the latest items of a history lead to, and 0 where they lead nowhere; equal scores are
ordered by popularity. An item counts as better than the target if its score is higher, or equal and its popularity no
lower: with the target itself that is its rank.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fearec_cli.data.prepared import Prepared
from fearec_cli.data.splits import HeldOut, ranges
from fearec_cli.evaluation.baselines.neighbours import Neighbours, companions, followers
from fearec_cli.evaluation.baselines.popularity import all_time, places, recent
from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.ranks import MISS

# Interactions of the histories that are looked at together.
_SEEN = 2**16
_ZERO = np.float32(0)


@dataclass(frozen=True, eq=False)
class Baseline:
    """A way to score items by counts.

    Attributes:
        what: description in a few words.
        popularity: int64 [I], which orders items of equal score.
        neighbours: scores that a history leads to; None for popularity alone.
    """

    what: str
    popularity: npt.NDArray[np.int64]
    neighbours: Neighbours | None = None


def baselines(prepared: Prepared) -> dict[str, Baseline]:
    """Every baseline that the data allow, by name; without times there is no recent popularity."""
    popular = all_time(prepared)
    found = {"popularity": Baseline("most bought in the training part", popular)}
    late = recent(prepared)
    if late is not None:
        what = f"most bought in the last {late.days:,.3g} days of training, chosen on validation"
        found["recent"] = Baseline(what, late.counts)
    found["last-item"] = Baseline("what came right after the last item", popular, followers(prepared))
    found["item-knn"] = Baseline("cosine with the latest items", popular, companions(prepared))
    return found


def rank_baselines(scorers: Mapping[str, Baseline], prepared: Prepared, held_out: HeldOut) -> dict[str, Evaluation]:
    """Rank every target by every baseline, under both protocols.

    Args:
        scorers: the baselines, by name.
        prepared: the data set that they count.
        held_out: the targets.
    """
    ranks = {name: np.zeros((2, len(held_out)), dtype=np.int64) for name in scorers}
    in_list = {name: places(scorer.popularity) for name, scorer in scorers.items()}
    for rows in _blocks(held_out):
        block = _Block.of(prepared, held_out, rows)
        for name, scorer in scorers.items():
            ranks[name][:, rows] = block.ranks(scorer, in_list[name])
    return {
        name: Evaluation(held_out, {"unmasked": found[0], "seen-masked": found[1]}) for name, found in ranks.items()
    }


def _blocks(held_out: HeldOut) -> Iterator[slice]:
    """Targets whose histories hold about so many interactions together."""
    if not len(held_out):
        return
    total = np.cumsum(held_out.targets - held_out.starts)
    cuts = np.unique(np.searchsorted(total, np.arange(0, total[-1], _SEEN)))
    for first, last in zip(cuts, [*cuts[1:], len(held_out)], strict=True):
        yield slice(int(first), int(last))


@dataclass(frozen=True, eq=False)
class _Block:
    """Some targets with their histories.

    Attributes:
        n_items: I.
        targets: int64 [B], row of each target's item.
        repeated: bool [B], whether it is in its own history.
        seen: row of the target and item of each history's items, each once, without the target's.
        histories: row of the target, and item, of every interaction before it.
        back: how many interactions lie between that interaction and the target.
    """

    n_items: int
    targets: npt.NDArray[np.int64]
    repeated: npt.NDArray[np.bool_]
    seen: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    histories: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    back: npt.NDArray[np.int64]

    @classmethod
    def of(cls, prepared: Prepared, held_out: HeldOut, rows: slice) -> "_Block":
        starts, ends = held_out.starts[rows], held_out.targets[rows]
        lengths = ends - starts
        owner = np.repeat(np.arange(len(starts)), lengths)
        at = ranges(starts, lengths)
        items = prepared.items[at].astype(np.int64) - 1
        targets = prepared.items[ends].astype(np.int64) - 1
        n_items = prepared.n_items
        keys = np.unique(owner * n_items + items)
        seen = keys // n_items, keys % n_items
        own = seen[1] == targets[seen[0]]
        repeated = np.zeros(len(targets), dtype=np.bool_)
        repeated[seen[0][own]] = True
        others = seen[0][~own], seen[1][~own]
        return cls(n_items, targets, repeated, others, (owner, items), ends[owner] - at - 1)

    def ranks(self, scorer: Baseline, in_list: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Ranks under both protocols, [2, B].

        Args:
            scorer: what ranks.
            in_list: [I] place of each item in the list of its popularity.
        """
        size = len(self.targets)
        keys, scores = self._scores(scorer.neighbours)
        rows, items = keys // self.n_items, keys % self.n_items

        def score(row: npt.NDArray[np.int64], item: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
            wanted = row * self.n_items + item
            at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
            return np.where(keys[at] == wanted, scores[at], _ZERO) if len(keys) else np.full(len(wanted), _ZERO)

        at_target, popular = score(np.arange(size), self.targets), scorer.popularity[self.targets]

        def ahead(
            values: npt.NDArray[np.float32], row: npt.NDArray[np.int64], item: npt.NDArray[np.int64]
        ) -> npt.NDArray[np.bool_]:
            listed = scorer.popularity[item] >= popular[row]
            better: npt.NDArray[np.bool_] = (values > at_target[row]) | ((values == at_target[row]) & listed)
            return better

        def count(row: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            return np.bincount(row, minlength=size)

        # Items that the history leads to, and of the others those of the list, where the target's score is 0 too.
        found = count(rows[ahead(scores, rows, items)])
        listed = in_list[self.targets] - count(rows[scorer.popularity[items] >= popular[rows]])
        unmasked = found + np.where(at_target == 0, listed, 0)
        row, item = self.seen
        masked = unmasked - count(row[ahead(score(row, item), row, item)])
        return np.stack([unmasked, np.where(self.repeated, MISS, masked)])

    def _scores(self, neighbours: Neighbours | None) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Target's row * I + item of every item that a history leads to, ascending, and its score."""
        if neighbours is None:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        latest = self.back < neighbours.latest
        owner, items = (each[latest] for each in self.histories)
        counts = neighbours.offsets[items + 1] - neighbours.offsets[items]
        at = ranges(neighbours.offsets[items], counts)
        keys = np.repeat(owner * self.n_items, counts) + neighbours.items[at]
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        scores = neighbours.scores[at[order]]
        sums = np.add.reduceat(scores, firsts) if len(firsts) else scores
        # Sums that are equal but for the order of their terms are equal.
        return keys[firsts], sums.astype(np.float32)
