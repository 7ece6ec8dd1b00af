"""How much of a number is the draw of users: its interval by bootstrap.

Users are drawn with replacement, each with all of its targets, as often as there are users, and the metric is the mean
over the targets drawn; the interval holds the middle 95 % of such means (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 13, percentile method). What varies is the users, with the data, the split and the weights as
they are: other seeds and other data sets are not in it.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
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
        users: [P] user of each target; targets of a user are neighbours.
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
        users: [P] user of each target; targets of a user are neighbours.
        by_user: [M] which columns are averaged over each user's targets first, so that users count the same.
        level: share of the resampled means within.
        resamples: how many are drawn.
        seed: of the draws, which are the same for the same users.

    Raises:
        ValueError: there are no targets.
    """
    return middle(resampled_means(values, users, by_user=by_user, resamples=resamples, seed=seed), level)


def middle(numbers: npt.NDArray[np.float64], level: float = LEVEL) -> list[Interval]:
    """Where the middle of each column [R, M] of resampled numbers lies."""
    low, high = np.quantile(numbers, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return [Interval(*pair) for pair in zip(low.tolist(), high.tolist(), strict=True)]


def resampled_means(
    values: Callable[[slice], npt.NDArray[np.float64]],
    users: npt.NDArray[np.int64],
    *,
    by_user: npt.NDArray[np.bool_] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> npt.NDArray[np.float64]:
    """The mean of each column in each resample of the users, [R, M]; the arguments are those of `intervals`.

    Raises:
        ValueError: there are no targets.
    """
    totals: npt.NDArray[np.float64] | None = None
    targets, drawn = np.zeros(resamples), 0
    for own, weights in draws_of_users(users, resamples=resamples, seed=seed):
        sums = np.add.reduceat(values(slice(int(own[0]), int(own[-1]))), own[:-1] - own[0], axis=0)
        sizes = np.diff(own)
        if by_user is not None:
            sums[:, by_user] /= sizes[:, None]
        product = weights @ sums
        totals = product if totals is None else totals + product
        targets += weights @ sizes
        drawn += len(sizes)
    assert totals is not None  # there is a block
    means: npt.NDArray[np.float64] = totals / targets[:, None]
    if by_user is not None:
        means[:, by_user] = totals[:, by_user] / drawn
    return means


def draws_of_users(
    users: npt.NDArray[np.int64], *, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]:
    """How often each resample draws each user, a block of users at a time; the same for the same users and seed.

    Args:
        users: [P] whose each target is; targets of a user stand together.
        resamples: how many are drawn.
        seed: of the draws.

    Yields:
        [u + 1] where the targets of each user of the block begin, and the last ones end; [R, u] times drawn.

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
    for block, (first, size) in enumerate(zip(edges, sizes.tolist(), strict=False)):
        weights = np.empty((resamples, size))
        for resample, count in enumerate(drawn[:, block].tolist()):
            weights[resample] = np.bincount(random.integers(0, size, count, dtype=np.int32), minlength=size)
        yield bounds[first : first + size + 1], weights
