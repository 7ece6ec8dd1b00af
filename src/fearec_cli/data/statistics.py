"""The counts that a data set is known by in papers."""

from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from fearec_cli.data.interactions import Interactions
from fearec_cli.data.splits import held_out, training_targets


class Statistics(BaseModel):
    """Counts of a prepared data set; padding is neither a user nor an item.

    Attributes:
        users: users left after filtering.
        items: distinct items left after filtering.
        interactions: rows left after filtering.
        train_prefixes: training targets, each with the history before it.
        valid: validation targets, one a user.
        test: test targets, one a user.
        first: earliest timestamp, ISO 8601 UTC, or None without times.
        last: latest timestamp.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    users: int
    items: int
    interactions: int
    train_prefixes: int
    valid: int
    test: int
    first: str | None = None
    last: str | None = None

    @classmethod
    def of(cls, interactions: Interactions) -> Self:
        """Count."""
        offsets, times = interactions.offsets, interactions.timestamps
        return cls(
            users=len(interactions.raw_users),
            items=len(interactions.raw_items),
            interactions=len(interactions.items),
            train_prefixes=len(training_targets(offsets)),
            valid=len(held_out(offsets, "valid")),
            test=len(held_out(offsets, "test")),
            first=None if times is None else _iso(times.min()),
            last=None if times is None else _iso(times.max()),
        )

    @property
    def mean_length(self) -> float:
        """Interactions per user."""
        return self.interactions / self.users

    @property
    def sparsity(self) -> float:
        """Share of user-item cells without an interaction, repeated pairs counted as often as they occur."""
        return 1 - self.interactions / (self.users * self.items)


def _iso(microseconds: np.int64) -> str:
    return f"{np.datetime64(int(microseconds), 'us').astype('datetime64[s]')}Z"
