"""Two systems on the same users: interval of their difference, its p value, its size.

Users are the units: a user's targets stay together, and all numbers of both systems on a user go together (pairs). What
several runs of a system did is averaged for each user; the interval draws runs as well as users.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

# Draws at once, which bounds memory: draws x users of 8 bytes.
_BLOCK_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Difference:
    """Second system minus first, in the metric's own unit.

    Attributes:
        value: difference of the means over targets.
        low: lower end of the 95 % interval.
        high: upper end.
        users: standard deviation of the difference over draws of users, as if each system had endless runs: the share
            of the seeds is subtracted, where a system has several.
        p: of the two-sided sign-flip test.
        effect: Cohen's d of paired users, mean over deviation of their differences; 0 where no user differs.
    """

    value: float
    low: float
    high: float
    users: float
    p: float
    effect: float


def paired_difference(
    first: Float[np.ndarray, "R U"],
    second: Float[np.ndarray, "Q U"],
    counts: Int[np.ndarray, "U"],
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> Difference:
    """Compare two systems.

    Interval: the percentiles of the bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter
    13), which draws users with replacement and, for each system that has several runs, runs with replacement. Of few
    runs it is too narrow, by about √((n - 1) / n) in the share of the runs.

    p: the share of sign flips of the users' differences, those seen among them, whose mean is at least as far from 0
    (Fisher's randomisation; Smucker, Allan and Carterette, CIKM 2007). It holds for the runs as they are.

    Args:
        first: sum of the metric over each user's targets, a row a run.
        second: of the other system, likewise.
        counts: targets of each user, from 1.
        draws: of the bootstrap and of the sign flips.
        seed: of both.
    """
    random = np.random.default_rng(seed)
    per_user: Float[np.ndarray, "U"] = second.mean(axis=0) - first.mean(axis=0)
    value = per_user.sum() / counts.sum()
    drawn, of_users = _bootstrap(first, second, counts, draws, random)
    low, high = np.quantile(drawn, [0.025, 0.975])
    means = per_user / counts
    deviation = means.std(ddof=1) if len(means) > 1 else 0.0
    return Difference(
        value=float(value),
        low=float(low),
        high=float(high),
        users=float(np.sqrt(max(0.0, of_users.var(ddof=1) - sum(map(_of_runs, (first, second))) / counts.sum() ** 2))),
        p=sign_flip(per_user, draws=draws, random=random),
        effect=float(means.mean() / deviation) if deviation > 0 else 0.0,
    )


def sign_flip(differences: Float[np.ndarray, "U"], *, draws: int, random: np.random.Generator) -> float:
    """Two-sided p of the hypothesis that each difference could as well have had the other sign.

    Args:
        differences: of each user.
        draws: how many flips of all signs are tried.
        random: draws them.
    """
    different = differences[differences != 0]
    if len(different) == 0:
        return 1.0
    # Equal but for the last bits of a sum is equal.
    observed = abs(different.sum()) * (1 - 1e-12)
    block = max(1, _BLOCK_BYTES // (8 * len(different)))
    beyond = 0
    for begin in range(0, draws, block):
        size = (min(block, draws - begin), len(different))
        signs = random.integers(0, 2, size, dtype=np.int8) * 2.0 - 1.0
        beyond += int((np.abs(signs @ different) >= observed).sum())
    return (1 + beyond) / (1 + draws)


def _of_runs(system: Float[np.ndarray, "R U"]) -> float:
    """Variance of the sum over users of the runs' mean, of which the scatter of a user's runs is the cause."""
    return float(system.var(axis=0, ddof=1).sum() / len(system)) if len(system) > 1 else 0.0


def _bootstrap(
    first: Float[np.ndarray, "R U"],
    second: Float[np.ndarray, "Q U"],
    counts: Int[np.ndarray, "U"],
    draws: int,
    random: np.random.Generator,
) -> tuple[Float[np.ndarray, "S"], Float[np.ndarray, "S"]]:
    """The difference in each draw of users and runs, and in the same draws of users with the runs as they are."""
    users = len(counts)
    block = max(1, _BLOCK_BYTES // (8 * users))
    drawn, of_users = [], []
    for begin in range(0, draws, block):
        size = min(block, draws - begin)
        rows = random.integers(0, users, (size, users)) + users * np.arange(size)[:, None]
        times = np.bincount(rows.ravel(), minlength=size * users).reshape(size, users).astype(np.float64)  # [S, U]
        targets = times @ counts
        means = [times @ system.T / targets[:, None] for system in (first, second)]  # [S, R] and [S, Q]
        of_users.append(means[1].mean(axis=1) - means[0].mean(axis=1))
        chosen = [
            np.take_along_axis(system, random.integers(0, system.shape[1], system.shape), axis=1).mean(axis=1)
            for system in means
        ]
        drawn.append(chosen[1] - chosen[0])
    return np.concatenate(drawn), np.concatenate(of_users)
