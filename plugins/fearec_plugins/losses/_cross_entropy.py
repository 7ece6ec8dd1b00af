"""Softmax cross-entropy over a catalogue of any size, in blocks of items.

The plain way, `cross_entropy(vectors @ items.T, targets)`, holds the scores [B, I], their logarithms and their
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
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from fearec_cli.api import AddedScores


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


def log_sum_exp(
    vectors: Float[Tensor, "B D"], items: Float[Tensor, "I D"], blocks: Blocks | None = None
) -> Float[Tensor, "B"]:
    """log sum over all items j of exp(vectors . item_j), a row at a time; in blocks it can be differentiated once only.

    Args:
        vectors: representations, in float32 or more.
        items: the item table, likewise.
        blocks: what is held at once; by the device unless given.
    """
    blocks = blocks or (CPU if vectors.device.type == "cpu" else OTHER)
    row_bytes = len(vectors) * vectors.dtype.itemsize
    size = max(1, blocks.block // row_bytes)
    if len(items) <= size:
        return torch.logsumexp(vectors @ items.T, 1)
    in_blocks: Callable[..., Tensor] = _BlockedLogSumExp.apply
    return in_blocks(vectors, items, size, len(items) * row_bytes <= blocks.kept)


def cross_entropy(
    vectors: Float[Tensor, "B D"],
    items: Float[Tensor, "I D"],
    targets: Int[Tensor, "B"],
    blocks: Blocks | None = None,
    *,
    smoothing: float = 0.0,
    ahead: float = 0.0,
    later: Int[Tensor, "B A"] | None = None,
    added: AddedScores | None = None,
) -> Float[Tensor, ""]:
    """- sum over j of q_j log softmax(vectors . items)[j], averaged over the batch.

    q is 1 at the target; `smoothing` spreads a share of it evenly over the catalogue (Szegedy et al., CVPR 2016,
    section 7), and with `ahead` the target and the items after it share the rest as 1 : r : r^2 : ..., where r is
    ahead / (1 - ahead) and items that are not there have no share. Half precision is computed in float32, under
    autocast too.

    Args:
        vectors: representation of each sequence.
        items: the item table.
        targets: row in `items` of each sequence's next item.
        blocks: what is held at once; by the device unless given.
        smoothing: 0 <= smoothing < 1.
        ahead: 0 <= ahead < 1.
        later: rows in `items` of the items after the target, -1 for none.
        added: to the products of vectors and items.
    """
    dtype = torch.promote_types(vectors.dtype, torch.float32)
    with torch.autocast(vectors.device.type, enabled=False):
        vectors, items = vectors.to(dtype), items.to(dtype)
        total = log_sum_exp(vectors, items, blocks)

        def score(rows: Int[Tensor, "B"]) -> Float[Tensor, "B"]:
            product = _score(vectors, items, rows)
            return (
                product
                if added is None
                else product + _sums(added, added.values * (added.items == rows[added.rows]), len(rows))
            )

        expected = score(targets)
        if ahead and later is not None:
            ratio = ahead / (1 - ahead)
            shares = (later >= 0).to(dtype) * ratio ** torch.arange(1, later.shape[1] + 1, device=later.device)
            after = [score(rows) for rows in later.clamp(min=0).unbind(1)]
            expected = (expected + (shares * torch.stack(after, 1)).sum(1)) / (1 + shares.sum(1))
        if smoothing:
            mean = vectors @ items.mean(0)
            mean = mean if added is None else mean + _sums(added, added.values, len(vectors)) / len(items)
            expected = torch.lerp(expected, mean, smoothing)
        if added is not None:
            # What is added learns apart: the representations follow the plain softmax, and stay as good without it.
            total = total + _correction(vectors.detach(), items.detach(), total.detach(), added)
        return (total - expected).mean()


def _score(vectors: Float[Tensor, "B D"], items: Float[Tensor, "I D"], rows: Int[Tensor, "B"]) -> Float[Tensor, "B"]:
    return (vectors * functional.embedding(rows, items)).sum(1)


def _correction(
    vectors: Float[Tensor, "B D"], items: Float[Tensor, "I D"], total: Float[Tensor, "B"], added: AddedScores
) -> Float[Tensor, "B"]:
    """What added scores change of a log-sum-exp: log(1 + sum over them of p_j (e^(a_j) - 1)), p_j = e^(s_j - total)."""
    rows = added.rows
    scores = (functional.embedding(rows, vectors) * functional.embedding(added.items, items)).sum(1)
    change = _sums(added, (scores - total[rows]).exp() * added.values.expm1(), len(vectors))
    # A row whose whole mass were on added items, all of them kept away, would be log 0.
    return torch.log1p(change.clamp(min=-1 + 1e-6))


def _sums(added: AddedScores, values: Float[Tensor, "K"], count: int) -> Float[Tensor, "B"]:
    """The sum of each row's values."""
    return values.new_zeros(count).index_add(0, added.rows, values)


class _BlockedLogSumExp(torch.autograd.Function):
    """log sum_j exp(s_j - m) + m, m the row's largest score.

    Its derivative by a score is softmax(s). A block's exponentials are taken against the largest score up to there, so
    none is infinite whatever the scores.
    """

    @staticmethod
    def forward(
        ctx: Any, vectors: Float[Tensor, "B D"], items: Float[Tensor, "I D"], size: int, keep: bool
    ) -> Float[Tensor, "B"]:
        """A number a row.

        Args:
            ctx: what the backward pass finds.
            vectors: representations.
            items: the item table.
            size: items of a block, fewer than I; the last block may have fewer still.
            keep: keep the exponentials.
        """
        largest = vectors.new_full((len(vectors),), -torch.inf)
        total = torch.zeros_like(largest)
        kept: list[Tensor] = []
        for _, block in _blocks_of(items, size):
            scores = vectors @ block.T
            before, largest = largest, torch.maximum(largest, scores.amax(1))
            exponentials = scores.sub_(largest[:, None]).exp_()
            total = torch.addcmul(exponentials.sum(1), total, (before - largest).exp())
            if keep:
                kept += exponentials, largest
        ctx.size = size
        ctx.save_for_backward(vectors, items, largest, total, *kept)
        return total.log() + largest

    @staticmethod
    def backward(
        ctx: Any, gradient: Float[Tensor, "B"]
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "I D"], None, None]:
        """Gradients by the representations and by the item table, the latter written block by block.

        Raises:
            RuntimeError: the gradient is to be differentiated in turn.
        """
        if torch.is_grad_enabled():  # create_graph=True
            raise RuntimeError(
                "ce over blocks of items has no second derivative; a term that differentiates gradients "
                "needs a sampled loss, such as sampled-softmax"
            )
        vectors, items, largest, total, *kept = ctx.saved_tensors
        grad_vectors, grad_items = torch.zeros_like(vectors), torch.empty_like(items)
        share = gradient / total
        with torch.autocast(vectors.device.type, enabled=False):
            for index, (start, block) in enumerate(_blocks_of(items, ctx.size)):
                if kept:
                    exponentials, reference = kept[2 * index : 2 * index + 2]
                    # Not in place: a graph that is kept may be walked again.
                    grad_scores = exponentials * ((reference - largest).exp() * share)[:, None]
                else:
                    scores = torch.addmm(-largest[:, None], vectors, block.T)
                    grad_scores = scores.exp_().mul_(share[:, None])
                grad_vectors.addmm_(grad_scores, block)
                torch.mm(grad_scores.T, vectors, out=grad_items[start : start + len(block)])
        return grad_vectors, grad_items, None, None


def _blocks_of(items: Float[Tensor, "I D"], size: int) -> Iterator[tuple[int, Float[Tensor, "J D"]]]:
    """First row and rows of each block."""
    return ((start, items[start : start + size]) for start in range(0, len(items), size))
