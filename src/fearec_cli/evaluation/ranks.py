"""Where each target stands in the catalogue. Ties and masks live here and nowhere else.

The rank of a target is 1 + the number of other items with a better score + the number of other items
with an equal one. Equal scores count against the target, so a scorer that tells nothing apart puts it
last; the order in which a sort happens to leave ties never helps. As the target equals itself, its rank
is simply the number of items that score at least as much: one comparison and one count, no sorting.

Two protocols, which the field mixes under one name (each rank is computed under both):

- `unmasked` ranks the target among all items (RecBole, FEARec, DuoRec);
- `seen-masked` ranks it among the items that are not in the user's history (FMLP-Rec, BSARec, HSTU).
  The target itself always stays in the ranking, also when the user had bought it before.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.errors import EvaluationError

RankProtocol = Literal["unmasked", "seen-masked"]

# Scores held at once. A block has at least one user, so a catalogue of more than 16 M items exceeds it.
BLOCK_BYTES = 64 * 2**20
# On a CPU the count should find its scores in the cache, where the product left them; fewer users would
# starve the product instead. Measured on 12,101 and on 500,000 items of 64 dimensions.
_CPU_ROWS = 32


@dataclass(frozen=True)
class TargetRanks:
    """Rank of each target under either protocol, int64, 1 is the best.

    Attributes:
        unmasked: among all items.
        seen_masked: among the items that the user has not seen.
    """

    unmasked: Int[Tensor, "B"]
    seen_masked: Int[Tensor, "B"]


@torch.inference_mode()
def rank_targets(
    representations: Float[Tensor, "B D"],
    item_table: Float[Tensor, "I D"],
    targets: Int[Tensor, "B"],
    seen_users: Int[Tensor, "P"],
    seen_items: Int[Tensor, "P"],
    *,
    block_bytes: int = BLOCK_BYTES,
) -> TargetRanks:
    """Rank every target by the inner product of its user's representation with each item.

    Users go through in blocks, each against the whole catalogue: users x items is never held, and the
    scores of the target and of the seen items are read from the very product that they are compared
    with. A score computed again by another product may differ in its last bit, which breaks ties.

    Half precision is ranked in float32: it has too few values to tell a catalogue's items apart.

    Args:
        representations: one row a user.
        item_table: row r is item id r + 1; no padding row.
        targets: row in `item_table` of each user's next item.
        seen_users: row in `representations` of each seen item, in any order.
        seen_items: row in `item_table` of each seen item; may repeat, and may be the user's target.
        block_bytes: bound on the scores held at once, in bytes, as far as one user's fit in it.

    Raises:
        EvaluationError: some score is not a number.
    """
    dtype = torch.promote_types(representations.dtype, torch.float32)
    representations, items = representations.to(dtype), item_table.to(dtype).T
    n_users, n_items = len(representations), len(item_table)
    rows = _rows_of_a_block(n_items * dtype.itemsize, block_bytes, representations.device)
    starts = range(0, n_users, rows)

    # A seen item as a flat index into users x items: sorted, each once, so that a block's are a slice.
    seen = torch.unique(seen_users.long() * n_items + seen_items)
    seen = seen[seen % n_items != targets[seen // n_items]]
    firsts = torch.tensor([start * n_items for start in (*starts, n_users)], device=seen.device)
    bounds = torch.searchsorted(seen, firsts).tolist()

    unmasked = torch.empty(n_users, dtype=torch.int64, device=representations.device)
    seen_ahead = torch.zeros_like(unmasked)
    any_nan = torch.zeros((), dtype=torch.bool, device=representations.device)
    for block, start in enumerate(starts):
        users = slice(start, start + rows)
        scores = representations[users] @ items  # [rows, I]
        any_nan |= scores.amax().isnan()  # amax propagates NaN
        target_scores = scores.gather(1, targets[users, None].long())  # [rows, 1]
        # int32 sums of a comparison are about twice as fast as int64 ones.
        unmasked[users] = (scores >= target_scores).sum(1, dtype=torch.int32)

        block_seen = seen[bounds[block] : bounds[block + 1]] - start * n_items
        block_users = block_seen // n_items
        ahead = scores.flatten()[block_seen] >= target_scores[block_users, 0]
        seen_ahead[users].index_add_(0, block_users, ahead.long())
    if any_nan:
        raise EvaluationError(
            "the model gives scores that are not a number (NaN), which have no rank; "
            "its weights have probably diverged: train again with a lower learning rate"
        )
    return TargetRanks(unmasked, unmasked - seen_ahead)


def _rows_of_a_block(row_bytes: int, block_bytes: int, device: torch.device) -> int:
    """How many users are scored at once."""
    rows = max(1, block_bytes // max(1, row_bytes))
    return min(rows, _CPU_ROWS) if device.type == "cpu" else rows
