"""How much of a number is the draw of users: its interval by bootstrap.

Users are drawn with replacement, each with all of its targets, as often as there are users, and the metric is the mean
over the targets drawn; the interval holds the middle 95 % of such means (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 13, percentile method). What varies is the users, with the data, the split and the weights as
they are: other seeds and other data sets are not in it.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from fearec_cli.evaluation.metrics import SHARES, reciprocal_ranks

Key = TypeVar("Key", bound=Hashable)

MAP = "MAP"
LEVEL = 0.95
RESAMPLES = 1000
# Users whose draws are counted together: their counts stay in the cache, and no array is users x metrics.
_USERS = 2**13


class Interval(NamedTuple):
    """Where the middle of the resampled means lies."""

    low: float
    high: float


def metric_intervals(
    ranks: Mapping[Key, npt.NDArray[np.int64]], users: npt.NDArray[np.int64], ks: Sequence[int], *, seed: int = 0
) -> dict[Key, dict[str, Interval]]:
    """The interval of every metric of `fearec_cli.evaluation.metrics.summarise`, by the same names and in their order.

    Where some user has several targets, that of MAP follows those of its k. All come from the same draws of users.

    Args:
        ranks: [P] of each target, by any key, such as a protocol.
        users: [P] whose each target is; targets of a user stand together.
        ks: lengths of the list.
        seed: of the draws.
    """
    several = bool((np.diff(users) == 0).any())
    kinds = {**SHARES, **({MAP: reciprocal_ranks} if several else {})}
    names = [f"{name}@{k}" for k in ks for name in kinds]

    def shares(rows: slice) -> npt.NDArray[np.float64]:
        columns = [share(each[rows], k) for each in ranks.values() for k in ks for share in kinds.values()]
        return np.stack(columns, axis=1)

    by_user = np.array([name.startswith(MAP) for name in names] * len(ranks))
    found = iter(intervals(shares, users, by_user=by_user, seed=seed))
    return {key: {name: next(found) for name in names} for key in ranks}


def intervals(
    values: Callable[[slice], npt.NDArray[np.float64]],
    users: npt.NDArray[np.int64],
    *,
    by_user: npt.NDArray[np.bool_] | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Interval]:
    """The interval of the mean of each column, users being drawn.

    Args:
        values: [p, M] of a range of the targets.
        users: [P] whose each target is; targets of a user stand together.
        by_user: [M] which columns are averaged over each user's targets first, so that users count the same.
        level: share of the resampled means within.
        resamples: how many are drawn.
        seed: of the draws, which are the same for the same users.

    Raises:
        ValueError: there are no targets.
    """
    if not len(users):
        raise ValueError("no targets: a mean over none has no interval")
    firsts = np.flatnonzero(np.diff(users, prepend=users[0] - 1))
    bounds = np.append(firsts, len(users))
    random = np.random.default_rng(seed)
    edges = [*range(0, len(firsts), _USERS), len(firsts)]
    sizes = np.diff(edges)
    # How many of each resample's draws fall into each block; which users of it they are is then uniform.
    drawn = random.multinomial(len(firsts), sizes / len(firsts), size=resamples)
    totals: npt.NDArray[np.float64] | None = None
    targets = np.zeros(resamples)
    for block, (first, size) in enumerate(zip(edges, sizes.tolist(), strict=False)):
        own = bounds[first : first + size + 1]
        sums = np.add.reduceat(values(slice(int(own[0]), int(own[-1]))), own[:-1] - own[0], axis=0)
        sizes_of_users = np.diff(own)
        if by_user is not None:
            sums[:, by_user] /= sizes_of_users[:, None]
        weights = np.empty((resamples, size))
        for resample, count in enumerate(drawn[:, block].tolist()):
            weights[resample] = np.bincount(random.integers(0, size, count, dtype=np.int32), minlength=size)
        product = weights @ sums
        totals = product if totals is None else totals + product
        targets += weights @ sizes_of_users
    assert totals is not None  # there is a block
    means = totals / targets[:, None]
    if by_user is not None:
        means[:, by_user] = totals[:, by_user] / len(firsts)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return [Interval(*pair) for pair in zip(low.tolist(), high.tolist(), strict=True)]
