"""Metrics of a next-item ranking: pure functions of one vector of ranks.

A target is the single relevant item after its history, so each metric is a mean over targets of a function of
the target's rank (from 1; ties and masks are settled in `fearec_cli.evaluation.ranks`). Where a user has
several targets, each counts the same. Values are in [0, 1], not rounded and not percentages.

Everywhere `ranks` has the rank of each target, [P], and `k` is the length of the list. No ranks, a rank below 1 and k
below 1 are a ValueError: a mean over nothing has no value.
"""

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Bool, Float, Int

from fearec_cli.errors import ConfigError, did_you_mean
from fearec_cli.system.text import value

Metric = Callable[[Int[np.ndarray, "P"], int], float]

# Of a length of the list: more than any catalogue's number of items has.
_MOST_DIGITS = 12


def hit_rate(ranks: Int[np.ndarray, "P"], k: int) -> float:
    """HR@k: share of targets among the first k, the mean of `hits`. With a single relevant item it equals Recall@k.

    >>> hit_rate(np.array([1, 3, 11, 40]), 10)
    0.5
    """
    return float(_within(ranks, k).mean())


def ndcg(ranks: Int[np.ndarray, "P"], k: int) -> float:
    """NDCG@k: the mean of `discounted_gains` (Järvelin and Kekäläinen, TOIS 2002, binary gain).

    The ideal list has the target first, whose gain is 1 / log2(2) = 1, so that DCG and NDCG are the same.

    >>> ndcg(np.array([1, 3, 11, 40]), 10)  # (1 + 1/2 + 0 + 0) / 4
    0.375
    """
    return float(discounted_gains(ranks, k).mean())


def mrr(ranks: Int[np.ndarray, "P"], k: int) -> float:
    """MRR@k: the mean of `reciprocal_ranks` (Voorhees, TREC-8 1999, cut off at k).

    >>> mrr(np.array([1, 4, 11, 40]), 10)  # (1 + 1/4 + 0 + 0) / 4
    0.3125
    """
    return float(reciprocal_ranks(ranks, k).mean())


def hits(ranks: Int[np.ndarray, "P"], k: int) -> Float[np.ndarray, "P"]:
    """What each target adds to HR@k: [rank <= k].

    >>> hits(np.array([1, 3, 11]), 10)
    array([1., 1., 0.])
    """
    return _within(ranks, k).astype(np.float64)


def discounted_gains(ranks: Int[np.ndarray, "P"], k: int) -> Float[np.ndarray, "P"]:
    """What each target adds to NDCG@k: [rank <= k] / log2(rank + 1).

    >>> discounted_gains(np.array([1, 3, 11]), 10)
    array([1. , 0.5, 0. ])
    """
    gains: Float[np.ndarray, "P"] = _within(ranks, k) / np.log2(ranks + 1.0)
    return gains


def reciprocal_ranks(ranks: Int[np.ndarray, "P"], k: int) -> Float[np.ndarray, "P"]:
    """What each target adds to MRR@k: [rank <= k] / rank.

    >>> reciprocal_ranks(np.array([1, 4, 11]), 10)
    array([1.  , 0.25, 0.  ])
    """
    shares: Float[np.ndarray, "P"] = _within(ranks, k) / ranks
    return shares


def mean_average_precision(ranks: Int[np.ndarray, "P"], users: Int[np.ndarray, "P"], k: int) -> float:
    """MAP@k of users with several targets: mean over users of the mean average precision of their lists.

    Every target has a list of its own, made from all that precedes it, in which it alone is relevant. The average
    precision of such a list is 1 / rank (Buckley and Voorhees, SIGIR 2000), so that MAP is MRR with every user counting
    the same, however many targets it has; with one target each they are equal.

    >>> mean_average_precision(np.array([1, 2, 4]), np.array([7, 7, 8]), 10)  # ((1 + 1/2) / 2 + 1/4) / 2
    0.5

    Args:
        ranks: rank of each target.
        users: user of each target.
        k: length of the list.
    """
    _, user, counts = np.unique(users, return_inverse=True, return_counts=True)
    return float((np.bincount(user, weights=reciprocal_ranks(ranks, k)) / counts).mean())


METRICS: dict[str, Metric] = {"HR": hit_rate, "NDCG": ndcg, "MRR": mrr}
# What each is the mean of, target by target.
SHARES: dict[str, Callable[[Int[np.ndarray, "P"], int], Float[np.ndarray, "P"]]] = {
    "HR": hits,
    "NDCG": discounted_gains,
    "MRR": reciprocal_ranks,
}


def parse_metric(text: str) -> tuple[Metric, int]:
    """A metric by its written name, such as `NDCG@10`: the function and k.

    >>> metric, k = parse_metric("NDCG@10")
    >>> metric.__name__, k
    ('ndcg', 10)

    Raises:
        ConfigError: no such metric, or k is not a whole number from 1; names every problem, and the
            metric that is alike.
    """
    name, _, cutoff = text.partition("@")
    shown = value(text)
    problems = []
    if name not in METRICS:
        hint = did_you_mean(name.upper(), METRICS) or f"; there are {', '.join(METRICS)}"
        problems.append(f"{shown!r}: no metric is called {value(name)!r}{hint}")
    k = parse_k(cutoff)
    if k is None:
        problems.append(f"{shown!r}: write the length of the list after '@', as in 'NDCG@10'")
    if problems or k is None:
        raise ConfigError(problems)
    return METRICS[name], k


def parse_k(text: str) -> int | None:
    """A length of the list, from text; None where it is not a whole number from 1, or is too long.

    >>> parse_k(" 10"), parse_k("0"), parse_k("9" * 5000)
    (10, None, None)
    """
    digits = text.strip()
    # int() refuses some thousand digits by an error of its own, and takes those of other scripts.
    k = int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else 0
    return k or None


def check_k(k: int, n_items: int, option: str) -> None:
    """Check that a list is no longer than the catalogue: every target would be on it, and its metrics measure nothing.

    Args:
        k: length of the list.
        n_items: of the catalogue.
        option: what asks for it, for the message.

    Raises:
        ConfigError: it is longer.
    """
    if k > n_items:
        raise ConfigError(
            [f"{option}: a list of {k:,} is longer than the catalogue, which has {n_items:,} items; ask for fewer"]
        )


def summarise(ranks: Int[np.ndarray, "P"], ks: Iterable[int]) -> dict[str, float]:
    """Every metric at every k, in the order HR@5, NDCG@5, MRR@5, HR@10, ...

    >>> summarise(np.array([1, 3, 11, 40]), [10])["HR@10"]
    0.5

    Args:
        ranks: rank of each target.
        ks: lengths of the list, in the order of the result.
    """
    return {f"{name}@{k}": metric(ranks, k) for k in ks for name, metric in METRICS.items()}


def _within(ranks: Int[np.ndarray, "P"], k: int) -> Bool[np.ndarray, "P"]:
    """Which targets are among the first k, or a ValueError."""
    if ranks.size == 0:
        raise ValueError("no ranks: a metric of no targets is not defined")
    if k < 1:
        raise ValueError(f"k is {k}: a list has at least one place")
    if ranks.min() < 1:
        raise ValueError(f"a rank is {ranks.min()}: the best rank is 1")
    within: Bool[np.ndarray, "P"] = ranks <= k
    return within
