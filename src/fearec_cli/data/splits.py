"""A split as index arithmetic on flat arrays: nothing is copied, nothing is a loop over users.

Under either rule a user's sequence is cut at two places into training, validation and test interactions,
in this order. Every training interaction but the user's first is a training target, predicted from all
before it; the rule decides which of the others are targets.
"""

import itertools
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from fearec_cli.data.interactions import Interactions
from fearec_cli.data.settings import Target
from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut
from fearec_cli.errors import DataError

SplitName = Literal["valid", "test"]
# Rows looked at together where all are, which bounds memory.
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Targets:
    """Items to predict, and the history of each: `items[starts[p]:targets[p]]` precedes `items[targets[p]]`.

    Attributes:
        starts: int64 [P], index of the first interaction of the target's user.
        targets: int64 [P], index of the target.
    """

    starts: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class ColdTargets:
    """Targets chosen that training never met, counted before any is dropped.

    Attributes:
        users: those whose user has no interaction in training.
        items: those whose item has none there; a target may be of both sorts.
        dropped: how many were dropped: all of them where the rule drops them, and always those with no history to
            predict them from.
    """

    users: int
    items: int
    dropped: int

    def __str__(self) -> str:
        return (
            f"{self.users:,} targets of users and {self.items:,} with items that training never met, "
            f"{self.dropped:,} dropped"
        )


@dataclass(frozen=True, eq=False)
class HeldOut(Targets):
    """The targets of a held-out split, in the order of the interactions.

    Attributes:
        split: "valid" or "test".
        users: int64 [P], index of each target's user; a user may have several targets.
        cold: what training never met.
    """

    split: SplitName
    users: npt.NDArray[np.int64]
    cold: ColdTargets

    def at(self, rows: npt.NDArray[np.int64]) -> "HeldOut":
        """Some of the targets; what is cold is counted over all."""
        return replace(self, starts=self.starts[rows], targets=self.targets[rows], users=self.users[rows])


@dataclass(frozen=True, eq=False)
class Split:
    """What is learned from and what is held out. The only thing that knows the rule.

    Attributes:
        rule: what holds interactions out.
        items: int32 [T], as in `Interactions`.
        offsets: int64 [U + 1], as in `Interactions`.
        valid_starts: int64 [U], index of each user's first validation interaction, where training ends.
        test_starts: int64 [U], index of each user's first test interaction.
        withholds_test: asking for the test targets is an error, as in a search for settings.
    """

    rule: LeaveOneOut | GlobalTime
    items: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    valid_starts: npt.NDArray[np.int64]
    test_starts: npt.NDArray[np.int64]
    withholds_test: bool = field(default=False, kw_only=True)

    @classmethod
    def of(cls, interactions: Interactions, rule: LeaveOneOut | GlobalTime) -> Self:
        """Split interactions.

        Args:
            interactions: with leave-one-out, every user has 3 of them or more; else, with times.
            rule: what holds interactions out.

        Raises:
            ValueError: the rule needs times and there are none.
        """
        offsets = interactions.offsets
        if isinstance(rule, LeaveOneOut):
            return cls(rule, interactions.items, offsets, offsets[1:] - 2, offsets[1:] - 1)
        if interactions.timestamps is None:
            raise ValueError("a split by time of interactions without times")
        cuts = (_first_from(moment, interactions.timestamps, offsets) for moment in rule.boundaries)
        return cls(rule, interactions.items, offsets, *cuts)

    def bounds(self, name: Literal["train", "valid", "test"]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each user's interactions in a split: int64 [U] index of the first, and after the last."""
        return {
            "train": (self.offsets[:-1], self.valid_starts),
            "valid": (self.valid_starts, self.test_starts),
            "test": (self.test_starts, self.offsets[1:]),
        }[name]

    @property
    def training_prefixes(self) -> int:
        """How many training targets there are: n - 1 of a user with n training interactions."""
        return int(np.maximum(self.valid_starts - self.offsets[:-1] - 1, 0).sum())

    def training_targets(self) -> Targets:
        """Every training target of every user, in the order of the interactions."""
        starts = self.offsets[:-1]
        counts = np.maximum(self.valid_starts - starts - 1, 0)
        return Targets(np.repeat(starts, counts), ranges(starts + 1, counts))

    @cached_property
    def valid(self) -> HeldOut:
        """The validation targets."""
        return self._hold_out("valid")

    @cached_property
    def test(self) -> HeldOut:
        """The test targets; their histories hold the validation interactions too.

        Raises:
            DataError: they are withheld.
        """
        if self.withholds_test:
            raise DataError("the test part is withheld from a search; judge what it finds by a run of its own")
        return self._hold_out("test")

    def held_out(self, name: SplitName) -> HeldOut:
        """The targets of the validation or the test split."""
        return self.valid if name == "valid" else self.test

    def _hold_out(self, name: SplitName) -> HeldOut:
        target: Target = "last" if isinstance(self.rule, LeaveOneOut) else self.rule.target
        firsts, ends = self.bounds(name)
        users = np.flatnonzero(ends > firsts)
        firsts, ends = firsts[users], ends[users]
        if target == "all":
            users = np.repeat(users, ends - firsts)
            targets = ranges(firsts, ends - firsts)
        elif target == "random":
            seed = self.rule.seed if isinstance(self.rule, GlobalTime) else 0
            targets = firsts + _drawn(users, ends - firsts, seed, name)
        else:
            targets = firsts if target == "first" else ends - 1
        starts = self.offsets[users]
        cold_user = self.valid_starts[users] == starts
        cold_item = ~self._learned[self.items[targets]]
        kept = targets > starts
        if isinstance(self.rule, GlobalTime):
            kept &= ~(cold_user & self.rule.drops_new_users) & ~(cold_item & self.rule.drops_new_items)
        return HeldOut(
            starts[kept],
            targets[kept],
            split=name,
            users=users[kept],
            cold=ColdTargets(int(cold_user.sum()), int(cold_item.sum()), int((~kept).sum())),
        )

    @cached_property
    def _learned(self) -> npt.NDArray[np.bool_]:
        """Bool [I + 1]: whether training holds an interaction with the item of this id."""
        learned = np.zeros(int(self.items.max(initial=0)) + 1, dtype=np.bool_)
        # The users whose first interactions lie in a block of rows, and all their rows.
        bounds = np.unique(np.searchsorted(self.offsets, np.arange(0, self.offsets[-1] + _BLOCK, _BLOCK)))
        bounds = np.minimum(bounds, len(self.offsets) - 1)
        for first, last in itertools.pairwise(bounds):
            begin, end = self.offsets[first], self.offsets[last]
            lengths = np.diff(self.offsets[first : last + 1])
            in_training = np.arange(begin, end) < np.repeat(self.valid_starts[first:last], lengths)
            learned[self.items[begin:end][in_training]] = True
        return learned


def _drawn(
    users: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], seed: int, part: SplitName
) -> npt.NDArray[np.int64]:
    """A number below each user's count, uniform, of seed, part and user alone, in integers: the same on any machine."""
    start = splitmix64(seed % 2**64, np.array([0 if part == "valid" else 1], dtype=np.uint64))
    high = splitmix64(int(start[0]), users.astype(np.uint64)) >> np.uint64(32)
    return ((high * counts.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)


def splitmix64(state: int, places: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """What SplitMix64, begun with a state, gives at some places (Steele, Lea and Flood, OOPSLA 2014, figure 16).

    >>> splitmix64(1234567, np.array([0, 1], dtype=np.uint64))
    array([6457827717110365317, 3203168211198807973], dtype=uint64)
    """
    mixed = np.uint64(state) + (places + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def ranges(firsts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`[first, first + 1, ...]` of each count, one after the other.

    >>> ranges(np.array([5, 20]), np.array([3, 2]))
    array([ 5,  6,  7, 20, 21])
    """
    before = np.cumsum(counts) - counts
    ranges = np.repeat(firsts - before, counts)
    ranges += np.arange(len(ranges), dtype=np.int64)
    return ranges


def _first_from(moment: int, times: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Index of each user's first interaction at `moment` or later, or of the user's end: int64 [U].

    A binary search in every user's times at once: no array is as long as the log.
    """
    low, high = offsets[:-1].copy(), offsets[1:].copy()
    while (open_ := low < high).any():
        middle = (low + high) // 2
        earlier = open_ & (times[np.minimum(middle, len(times) - 1)] < moment)
        low = np.where(earlier, middle + 1, low)
        high = np.where(open_ & ~earlier, middle, high)
    return low
