"""Ranks by counting against ranks by sorting the catalogue: `python benchmarks/ranks.py`.

Random scores of the size of Amazon Beauty: 22,363 users, 12,101 items, 64 units, 8 seen items a user; both
protocols. The two ways alternate, and the best round of each counts, so that other work on the machine slows
both or neither. Sorting is so slow that it gets a part of the users; the ratio is of users per second.
"""

import time
from collections.abc import Callable

import torch
from torch import Tensor

from fearec_cli.evaluation.ranks import rank_targets

USERS, ITEMS, DIM, SEEN = 22_363, 12_101, 64, 8
SORTED_USERS, ROUNDS, BATCH = 2_048, 5, 256


def by_sorting(representations: Tensor, table: Tensor, targets: Tensor, seen: Tensor) -> None:
    """What a naive evaluation does: score, sort, look the target up; mask what was seen and do it again."""
    for start in range(0, SORTED_USERS, BATCH):
        users = slice(start, start + BATCH)
        scores = representations[users] @ table.T
        _place(scores, targets[users])
        _place(scores.scatter(1, seen[users], -torch.inf), targets[users])


def _place(scores: Tensor, targets: Tensor) -> Tensor:
    return (scores.argsort(1, descending=True) == targets[:, None]).nonzero()[:, 1] + 1


def seconds(function: Callable[..., object], *inputs: Tensor) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    function(*inputs)
    return time.perf_counter() - begin


def main() -> None:
    """Print the time of all users and of one, each way."""
    torch.manual_seed(0)
    representations, table = torch.randn(USERS, DIM), torch.randn(ITEMS, DIM)
    targets, seen = torch.randint(ITEMS, (USERS,)), torch.randint(ITEMS, (USERS, SEEN))
    pairs = torch.arange(USERS).repeat_interleave(SEEN), seen.flatten()
    rounds = [
        (
            seconds(rank_targets, representations, table, targets, *pairs),
            seconds(by_sorting, representations, table, targets, seen),
        )
        for _ in range(ROUNDS)
    ]
    counting, sorting = (min(times) for times in zip(*rounds, strict=True))
    ratio = (sorting / SORTED_USERS) / (counting / USERS)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {USERS:,} x {ITEMS:,} x {DIM}")
    print(f"counting {counting:.2f} s, {counting / USERS * 1e6:.0f} us a user")
    print(f"sorting {sorting / SORTED_USERS * 1e6:.0f} us a user: counting is {ratio:.0f} times faster")


if __name__ == "__main__":
    main()
