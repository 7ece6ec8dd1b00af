"""The counts that papers report of a data set, and those of each of its splits."""

from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from fearec_cli.data.interactions import Interactions
from fearec_cli.data.splits import ColdTargets, Split, SplitName

# Interactions whose distinct pairs are counted together.
_BLOCK = 2**20


class SplitCounts(BaseModel):
    """Counts of the interactions that a split puts in one of its three sets.

    Attributes:
        interactions: how many.
        users: of how many users.
        first: earliest timestamp, ISO 8601 UTC, or None without times or interactions.
        last: latest timestamp.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    interactions: int
    users: int
    first: str | None = None
    last: str | None = None


class TrainCounts(SplitCounts):
    """Counts of the training split.

    Attributes:
        prefixes: training targets, each with the history before it.
    """

    prefixes: int


class HeldOutCounts(SplitCounts):
    """Counts of the validation or the test split.

    Attributes:
        targets: interactions that are predicted.
        cold: what training never met.
    """

    targets: int
    cold: ColdTargets


class Statistics(BaseModel):
    """Counts of a prepared data set; padding is neither a user nor an item.

    Attributes:
        users: users left after filtering.
        items: distinct items left after filtering.
        interactions: rows left after filtering.
        pairs: distinct pairs of user and item among them; None in data sets of before they were counted.
        first: earliest timestamp, ISO 8601 UTC, or None without times.
        last: latest timestamp.
        train: the training split.
        valid: the validation split.
        test: the test split.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    users: int
    items: int
    interactions: int
    pairs: int | None = None
    first: str | None = None
    last: str | None = None
    train: TrainCounts
    valid: HeldOutCounts
    test: HeldOutCounts

    @classmethod
    def of(cls, interactions: Interactions, split: Split) -> Self:
        """Count interactions as they are split."""
        times = interactions.timestamps
        return cls(
            users=len(interactions.raw_users),
            items=len(interactions.raw_items),
            interactions=len(interactions.items),
            pairs=_distinct_pairs(interactions),
            first=None if times is None else _iso(times.min()),
            last=None if times is None else _iso(times.max()),
            train=TrainCounts(prefixes=split.training_prefixes, **_count(interactions, split, "train")),
            valid=_count_held_out(interactions, split, "valid"),
            test=_count_held_out(interactions, split, "test"),
        )

    @property
    def mean_length(self) -> float:
        """Interactions per user."""
        return self.interactions / self.users

    @property
    def sparsity(self) -> float | None:
        """Share of user-item cells without an interaction; None where the pairs were not counted."""
        return None if self.pairs is None else 1 - self.pairs / (self.users * self.items)


def _distinct_pairs(interactions: Interactions) -> int:
    """How many cells of users and items have an interaction. Whole users at a time, so that memory does not grow."""
    offsets, columns = interactions.offsets, len(interactions.raw_items) + 1
    pairs = first = 0
    while first < len(offsets) - 1:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + _BLOCK, "right")) - 1)
        users = np.repeat(np.arange(last - first), np.diff(offsets[first : last + 1]))
        pairs += len(np.unique(users * columns + interactions.items[offsets[first] : offsets[last]]))
        first = last
    return pairs


def _count(interactions: Interactions, split: Split, name: Literal["train"] | SplitName) -> dict[str, Any]:
    starts, ends = split.bounds(name)
    times, met = interactions.timestamps, ends > starts
    first = last = None
    if times is not None and met.any():
        # A user's interactions are oldest first, so those at the ends will do.
        first, last = _iso(times[starts[met]].min()), _iso(times[ends[met] - 1].max())
    return {"interactions": int((ends - starts).sum()), "users": int(met.sum()), "first": first, "last": last}


def _count_held_out(interactions: Interactions, split: Split, name: SplitName) -> HeldOutCounts:
    held_out = split.held_out(name)
    return HeldOutCounts(targets=len(held_out), cold=held_out.cold, **_count(interactions, split, name))


def _iso(microseconds: np.int64) -> str:
    return f"{np.datetime64(int(microseconds), 'us').astype('datetime64[s]')}Z"
