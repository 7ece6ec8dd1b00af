"""Softmax cross-entropy over a catalogue of any size, in blocks of items.

The plain way, `cross_entropy(anchor @ items.T, targets)`, holds the scores [B, I], their logarithms and their
gradient: 3 GB for 256 sequences and a million items. Here a block of items is scored, used and forgotten: the
forward pass keeps the running maximum and sum of each row (online softmax: Milakov and Gimelshein,
arXiv 1805.02867, section 3), the backward pass scores each block again. That is four products of the
arithmetic of one scoring instead of three, over scores that are still in the cache when they are used.

Where all scores are few, the blocks' exponentials are kept for the backward pass and no product is repeated; and
where they make a single block, torch's own loss has the fewest kernels.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional


class Blocks(NamedTuple):
    """How much is held at once, in bytes of scores.

    Attributes:
        block: of a block of items; a block has one item at least.
        kept: most that the backward pass finds kept; a larger catalogue is scored again there.
    """

    block: int
    kept: int


# Forward and backward on one CPU core, 256 sequences of 64 units, beside torch's loss over the whole product: 12,101
# items take 0.9 times as long with kept scores and 1.1 times with scores made again, 100,000 items 1.05 and 1.4
# times; they hold one copy of the scores and none, torch's loss three. Blocks of 1 to 4 MB hardly differ, smaller and
# larger ones lose.
CPU = Blocks(block=2 * 2**20, kept=128 * 2**20)
# Elsewhere each block is some twenty launches, and memory is plenty.
OTHER = Blocks(block=256 * 2**20, kept=256 * 2**20)


def cross_entropy(
    anchor: Float[Tensor, "B D"], items: Float[Tensor, "I D"], targets: Int[Tensor, "B"], blocks: Blocks | None = None
) -> Float[Tensor, ""]:
    """-log softmax(anchor . items)[target], averaged over the batch.

    Half precision is computed in float32, under autocast too. In blocks it can be differentiated once only.

    Args:
        anchor: representation of each sequence.
        items: the item table.
        targets: row in `items` of each sequence's next item.
        blocks: what is held at once; by the device unless given.
    """
    device = anchor.device.type
    blocks = blocks or (CPU if device == "cpu" else OTHER)
    dtype = torch.promote_types(anchor.dtype, torch.float32)
    row_bytes = len(anchor) * dtype.itemsize
    size = max(1, blocks.block // row_bytes)
    keep = len(items) * row_bytes <= blocks.kept
    with torch.autocast(device, enabled=False):
        anchor, items = anchor.to(dtype), items.to(dtype)
        if len(items) <= size:
            return functional.cross_entropy(anchor @ items.T, targets)
        in_blocks: Callable[..., Tensor] = _BlockedCrossEntropy.apply
        return in_blocks(anchor, items, targets, size, keep)


class _BlockedCrossEntropy(torch.autograd.Function):
    """The mean of log sum_j exp(s_j - m) + m - s_target over the batch, m the row's largest score.

    Its derivative by a score is (softmax(s) - [target]) / B. A block's exponentials are taken against the largest
    score up to there, so none is infinite whatever the scores.
    """

    @staticmethod
    def forward(
        ctx: Any,
        anchor: Float[Tensor, "B D"],
        items: Float[Tensor, "I D"],
        targets: Int[Tensor, "B"],
        size: int,
        keep: bool,
    ) -> Float[Tensor, ""]:
        """The loss.

        Args:
            ctx: what the backward pass finds.
            anchor: representations.
            items: the item table.
            targets: rows in it.
            size: items of a block, fewer than I; the last block may have fewer still.
            keep: keep the exponentials.
        """
        largest = anchor.new_full((len(anchor),), -torch.inf)
        total, at_target = torch.zeros_like(largest), torch.zeros_like(largest)
        kept: list[Tensor] = []
        for start, block in _blocks_of(items, size):
            scores = anchor @ block.T
            column, inside = _columns(targets, start, len(block))
            at_target = torch.where(inside, scores.gather(1, column)[:, 0], at_target)
            before, largest = largest, torch.maximum(largest, scores.amax(1))
            exponentials = scores.sub_(largest[:, None]).exp_()
            total = torch.addcmul(exponentials.sum(1), total, (before - largest).exp())
            if keep:
                kept += exponentials, largest
        ctx.size = size
        ctx.save_for_backward(anchor, items, targets, largest, total, *kept)
        return (total.log() + (largest - at_target)).mean()

    @staticmethod
    def backward(
        ctx: Any, gradient: Float[Tensor, ""]
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "I D"], None, None, None]:
        """Gradients by the representations and by the item table, the latter written block by block.

        Raises:
            RuntimeError: the gradient is to be differentiated in turn.
        """
        if torch.is_grad_enabled():  # create_graph=True
            raise RuntimeError(
                "ce over blocks of items has no second derivative; a term that differentiates gradients "
                "needs a sampled loss, such as sampled-softmax"
            )
        anchor, items, targets, largest, total, *kept = ctx.saved_tensors
        by_anchor, by_items = torch.zeros_like(anchor), torch.empty_like(items)
        share = gradient / len(anchor)
        with torch.autocast(anchor.device.type, enabled=False):
            for place, (start, block) in enumerate(_blocks_of(items, ctx.size)):
                if kept:
                    exponentials, reference = kept[2 * place : 2 * place + 2]
                    factor = (reference - largest).exp() * share / total
                    # Not in place: a graph that is kept may be walked again.
                    by_scores = exponentials * factor[:, None]
                else:
                    scores = torch.addmm(-largest[:, None], anchor, block.T)
                    by_scores = scores.exp_().mul_((share / total)[:, None])
                column, inside = _columns(targets, start, len(block))
                by_scores.scatter_add_(1, column, (inside * -share)[:, None])
                by_anchor.addmm_(by_scores, block)
                torch.mm(by_scores.T, anchor, out=by_items[start : start + len(block)])
        return by_anchor, by_items, None, None, None


def _blocks_of(items: Float[Tensor, "I D"], size: int) -> Iterator[tuple[int, Float[Tensor, "J D"]]]:
    """First row and rows of each block."""
    return ((start, items[start : start + size]) for start in range(0, len(items), size))


def _columns(targets: Int[Tensor, "B"], start: int, size: int) -> tuple[Int[Tensor, "B 1"], Bool[Tensor, "B"]]:
    """Column of each target in a block, some column where it is not there, and whether it is there."""
    column = targets - start
    return column.clamp(0, size - 1)[:, None], (column >= 0) & (column < size)
