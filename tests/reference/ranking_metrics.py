"""Metrics of rankings from their definitions over lists of items and sets of relevant ones, in plain Python.

Written from Järvelin and Kekäläinen (TOIS 2002), Voorhees (TREC-8 1999) and Buckley and Voorhees (SIGIR 2000), not from
the toolkit: nothing here knows of ranks or of a single relevant item.
"""

import math
from collections.abc import Sequence, Set


def hit_rate(ranking: Sequence[str], relevant: Set[str], k: int) -> float:
    """Whether any of the first k is relevant."""
    return float(any(item in relevant for item in ranking[:k]))


def ndcg(ranking: Sequence[str], relevant: Set[str], k: int) -> float:
    """Discounted gain of the first k over that of the ideal order."""
    gain = sum(1 / math.log2(place + 1) for place, item in enumerate(ranking[:k], 1) if item in relevant)
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(relevant)) + 1))
    return gain / ideal


def reciprocal_rank(ranking: Sequence[str], relevant: Set[str], k: int) -> float:
    """One over the place of the first relevant item."""
    return next((1 / place for place, item in enumerate(ranking[:k], 1) if item in relevant), 0.0)


def average_precision(ranking: Sequence[str], relevant: Set[str], k: int) -> float:
    """Mean over the relevant items of the precision down to each."""
    found, total = 0, 0.0
    for place, item in enumerate(ranking[:k], 1):
        if item in relevant:
            found += 1
            total += found / place
    return total / min(k, len(relevant))
