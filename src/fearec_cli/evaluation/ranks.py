"""The rank of each target in the catalogue. Ties and masks are handled only here.

The rank of a target is 1 + the number of other items with a better score + the number of other items
with an equal one. Equal scores count against the target, so a scorer that gives all the same score puts it
last; the order in which a sort happens to leave ties never helps. As the target equals itself, its rank
is simply the number of items that score at least as much: one comparison and one count, no sorting.

Two protocols, which the field mixes under one name (each rank is computed under both):

- `unmasked` ranks the target among all items (RecBole, FEARec, DuoRec);
- `seen-masked` recommends no item of the user's history, so it ranks the target among the others (FMLP-Rec, BSARec,
  HSTU; `filter_viewed` of RecTools). A target that is itself in the history cannot be recommended: its rank is `MISS`,
  a hit at no k. On data with repeats this protocol measures the discovery of new items alone.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fearec_cli.errors import EvaluationError
from fearec_cli.nn.repeats import AddedScores

RankProtocol = Literal["unmasked", "seen-masked"]

# The rank of a target that cannot be recommended: worse than that of any item of any catalogue, and no number that a
# mean may be taken of.
MISS = 2**62

# Users and bytes of scores of a block. On a CPU a block stays in the cache, where the product leaves its scores
# for the count. Fewer users starve the product: with 64 dimensions one core gives 76 GFLOP/s for 64 users, 87 for
# 128, and 93 for 512, whose targets would stand in more blocks.
_CPU_USERS, _CPU_BYTES = 128, 2 * 2**20
# Elsewhere a block is a handful of launches.
_USERS, _BYTES = 1024, 64 * 2**20


@dataclass(frozen=True)
class TargetRanks:
    """Rank of each target under either protocol, int64, 1 is the best.

    Attributes:
        unmasked: among all items.
        seen_masked: among the items that the user has not seen; `MISS` where the target is none of them.
    """

    unmasked: Int[Tensor, "B"]
    seen_masked: Int[Tensor, "B"]

    @property
    def repeated(self) -> Bool[Tensor, "B"]:
        """Which targets the user had seen already."""
        return self.seen_masked == MISS


@torch.inference_mode()
def rank_targets(
    representations: Float[Tensor, "B D"],
    item_table: Float[Tensor, "I D"],
    targets: Int[Tensor, "B"],
    seen_users: Int[Tensor, "P"],
    seen_items: Int[Tensor, "P"],
    *,
    added: AddedScores | None = None,
    block_bytes: int | None = None,
) -> TargetRanks:
    """Rank every target by the inner product of its user's representation with each item.

    Users and items go through in blocks: users x items is never held. The scores of the target and of the
    seen items are read from the very products that they are compared with; a score computed again by another
    product may differ in its last bit, which breaks ties. A target's score must be known before the first
    block is counted, so the blocks with the targets of some users are scored first, and all of them again
    for the count, by the same products of the same operands. Users are taken in the order of
    their targets: those of one block have theirs in a few blocks of items, often a single one,
    and the catalogue is scored little more than once.

    Half precision is ranked in float32: it has too few values to tell a catalogue's items apart.

    Args:
        representations: one row a user.
        item_table: row r is item id r + 1; no padding row.
        targets: row in `item_table` of each user's next item.
        seen_users: row in `representations` of each seen item, in any order.
        seen_items: row in `item_table` of each seen item; may repeat, and may be the user's target.
        added: to the products, such as what a model adds for items that a history has already.
        block_bytes: bound on the scores held at once, in bytes, as far as some users' for one item fit in it; by
            the device unless given.

    Raises:
        EvaluationError: some score is not a number.
    """
    dtype = torch.promote_types(representations.dtype, torch.float32)
    targets, order = targets.long().sort()
    representations, items = representations[order].to(dtype).T, item_table.to(dtype)
    grid = _Grid.of(len(targets), len(item_table), block_bytes, dtype, representations.device)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    seen_users, seen_items = place[seen_users], seen_items.long()
    own = seen_items == targets[seen_users]
    repeated = torch.zeros_like(targets, dtype=torch.bool)
    repeated[seen_users[own]] = True
    seen, bounds = grid.seen(seen_users[~own], seen_items[~own])
    target_blocks = (targets // grid.columns).tolist()
    tiles = None if added is None else grid.tiles(added._replace(rows=place[added.rows]))

    def score(users: slice, block: int) -> Float[Tensor, "C R"]:
        # Items first: some 10 % faster on a CPU than users first.
        products = items[block * grid.columns : (block + 1) * grid.columns] @ representations[:, users]
        if tiles is not None:
            user, item, values = tiles(users.start // grid.rows * grid.width + block)
            products.index_put_((item, user), values.to(products.dtype), accumulate=True)
        return products

    # No sum of products is larger than this. Below the largest number every score is one, and none has to be looked at.
    largest = torch.linalg.vector_norm(representations, 1) * torch.linalg.vector_norm(items, 1)
    doubtful = not bool(largest < torch.finfo(dtype).max)
    unmasked, seen_ahead = torch.zeros_like(targets), torch.zeros_like(targets)
    any_nan = torch.zeros((), dtype=torch.bool, device=targets.device)
    for row, first_user in enumerate(range(0, len(targets), grid.rows)):
        users = slice(first_user, first_user + grid.rows)
        with_targets = range(target_blocks[first_user], target_blocks[users][-1] + 1)
        at_target = representations.new_zeros(len(targets[users]))
        for block in with_targets:
            scores = score(users, block)
            item = targets[users] - block * grid.columns
            inside = (item >= 0) & (item < len(scores))
            found = scores.gather(0, item.clamp(0, len(scores) - 1)[None])[0]
            at_target = torch.where(inside, found, at_target)
        # The block that was scored last is still there: it is counted first.
        last = with_targets[-1]
        for block in (last, *range(last), *range(last + 1, grid.width)):
            if block != last:
                scores = score(users, block)
            if doubtful:
                any_nan |= scores.amax().isnan()  # amax propagates NaN
            # 1 and 0 instead of the scores: a third of the time of a comparison that gives bool on a CPU. Their
            # sum is exact, as no block is wider than 2**24.
            ahead = scores.ge_(at_target)
            unmasked[users] += ahead.sum(0).long()
            tile = row * grid.width + block
            user, item = seen[:, bounds[tile] : bounds[tile + 1]]
            seen_ahead[users].index_add_(0, user, ahead[item, user].long())
    if any_nan:
        raise EvaluationError(
            "the model gives scores that are not a number (NaN), which have no rank; "
            "its weights have probably diverged: train again with a lower learning rate"
        )
    return TargetRanks(unmasked[place], (unmasked - seen_ahead).masked_fill_(repeated, MISS)[place])


def ranks_in(scores: Float[Tensor, "B I"], targets: Int[Tensor, "B"]) -> Int[Tensor, "B"]:
    """Rank of each target among the scores of its row, where these are there already.

    >>> ranks_in(torch.tensor([[0.5, 0.9, 0.5]]), torch.tensor([0]))
    tensor([3])
    """
    return (scores >= scores.gather(1, targets.long()[:, None])).sum(1)


class _Grid(NamedTuple):
    """The blocks that users x items is cut into.

    Attributes:
        rows: users of a block.
        columns: items of a block.
        height: blocks of users.
        width: blocks of items.
    """

    rows: int
    columns: int
    height: int
    width: int

    @classmethod
    def of(
        cls, n_users: int, n_items: int, block_bytes: int | None, dtype: torch.dtype, device: torch.device
    ) -> "_Grid":
        """The grid of a device."""
        rows, default = (_CPU_USERS, _CPU_BYTES) if device.type == "cpu" else (_USERS, _BYTES)
        rows = max(1, min(rows, n_users))
        columns = (default if block_bytes is None else block_bytes) // (rows * dtype.itemsize)
        columns = max(1, min(columns, n_items))
        return cls(rows, columns, math.ceil(n_users / rows), math.ceil(n_items / columns))

    def tiles(self, added: AddedScores) -> Callable[[int], tuple[Tensor, Tensor, Tensor]]:
        """Row, column and value of each addition within a block, by the number of the block."""
        tile = added.rows // self.rows * self.width + added.items // self.columns
        order = tile.argsort()
        ends = torch.bincount(tile, minlength=self.height * self.width).cumsum(0).tolist()
        users, items, values = (
            each[order] for each in (added.rows % self.rows, added.items % self.columns, added.values)
        )

        def of(number: int) -> tuple[Tensor, Tensor, Tensor]:
            own = slice(ends[number - 1] if number else 0, ends[number])
            return users[own], items[own], values[own]

        return of

    def seen(self, users: Int[Tensor, "P"], items: Int[Tensor, "P"]) -> tuple[Int[Tensor, "2 Q"], list[int]]:
        """What was seen, each once, block after block.

        Returns:
            Row and column of each in its block, and the index of the first of each block, blocks of the same
            users next to each other.
        """
        tile = users // self.rows * self.width + items // self.columns
        size = self.rows * self.columns
        place = torch.unique(tile * size + users % self.rows * self.columns + items % self.columns)
        firsts = torch.arange(self.height * self.width + 1, device=place.device) * size
        bounds: list[int] = torch.searchsorted(place, firsts).tolist()
        return torch.stack([place % size // self.columns, place % self.columns]), bounds
