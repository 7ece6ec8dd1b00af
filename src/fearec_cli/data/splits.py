"""Leave-one-out as index arithmetic on flat arrays: nothing is copied, nothing is a loop over users.

Of a user's sequence the last item is the test target, the one before it the validation target, and the
rest is for training. Every training item but the first is a target, predicted from all before it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

# Train, validation and test must each have an interaction.
SHORTEST = 3


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


def training_targets(offsets: npt.NDArray[np.int64]) -> Targets:
    """Every training target of every user, in the order of the interactions.

    A user with n interactions has n - 3 of them; a user with 3 has none, and is evaluated all the same.

    Args:
        offsets: int64 [U + 1], as in `Interactions`; every user has `SHORTEST` interactions or more.
    """
    starts = offsets[:-1]
    counts = np.diff(offsets) - SHORTEST
    # Position of each target among its user's targets: a running count that restarts at every user.
    before = np.cumsum(counts) - counts
    within = np.arange(counts.sum(), dtype=np.int64) - np.repeat(before, counts)
    repeated = np.repeat(starts, counts)
    return Targets(repeated, repeated + 1 + within)


def held_out(offsets: npt.NDArray[np.int64], split: Literal["valid", "test"]) -> Targets:
    """The one target of each user that is held out, in the order of the users.

    The history of a test target contains the validation target, as in the literature.

    Args:
        offsets: int64 [U + 1], as in `Interactions`; every user has `SHORTEST` interactions or more.
        split: which of the two.
    """
    from_the_end = {"valid": 2, "test": 1}[split]
    return Targets(offsets[:-1].copy(), offsets[1:] - from_the_end)
