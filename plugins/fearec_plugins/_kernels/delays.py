"""Averages over delays and circular diagonals, with backward passes that read as little as their forward passes."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import Function
from torch.nn import functional


class AverageOver(Function):
    """Bags of rows: the bag of a position holds the rows that its delays reach."""

    @staticmethod
    def forward(
        ctx: Any, delays: Int[Tensor, "B K"], weights: Float[Tensor, "B K"], values: Float[Tensor, "B N D"]
    ) -> Float[Tensor, "B N D"]:
        """Their weighted sums."""
        values = values.contiguous()
        ctx.save_for_backward(delays, weights, values)
        return _bags(delays, weights, values)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B N D"]) -> tuple[None, Tensor, Tensor]:
        """A row's gradient is what those give that reach it, by the same delays backwards; a weight's is the product
        of gradient and row, summed over the positions."""
        delays, weights, values = ctx.saved_tensors
        gradient = gradient.contiguous()
        if torch.is_grad_enabled():  # create_graph=True
            reached = values.flatten(0, 1)[_reached(delays, values.shape[1])].view(
                *values.shape[:2], delays.shape[1], -1
            )
            average: Tensor = AverageOver.apply(-delays, weights, gradient)  # type: ignore[no-untyped-call]
            return None, torch.einsum("bnd,bnkd->bk", gradient, reached), average
        (batch, n, dim), kept = values.shape, delays.shape[1]
        bag = torch.arange(batch * n, device=delays.device)
        grad_weights = torch.ops.aten._embedding_bag_per_sample_weights_backward(
            gradient.view(-1, dim), values.view(-1, dim), _reached(delays, n).flatten(), bag * kept,
            bag.repeat_interleave(kept), 0, -1,
        )  # fmt: skip
        return None, grad_weights.view(batch, n, kept).sum(1), _bags(-delays, weights, gradient)


def _reached(delays: Int[Tensor, "B K"], n: int) -> Int[Tensor, "C K"]:
    """The rows that each position of each sequence reaches, counted through all sequences; C = B N."""
    position = torch.arange(n, device=delays.device)[:, None]
    sequence = torch.arange(len(delays), device=delays.device)[:, None, None]
    return ((position + delays[:, None]) % n + n * sequence).flatten(0, 1)


def _bags(
    delays: Int[Tensor, "B K"], weights: Float[Tensor, "B K"], values: Float[Tensor, "B N D"]
) -> Float[Tensor, "B N D"]:
    n = values.shape[1]
    of_position = weights[:, None].expand(-1, n, -1).reshape(-1, weights.shape[1])
    rows = values.view(-1, values.shape[2])
    return functional.embedding_bag(_reached(delays, n), rows, per_sample_weights=of_position, mode="sum").view(
        values.shape
    )


class DiagonalSums(Function):
    """Sums along circular diagonals; the transpose of the map from numbers to the circulant that has them."""

    @staticmethod
    def forward(ctx: Any, scores: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
        """One sum for each diagonal."""
        return _diagonal_sums(scores)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
        """The gradient of a diagonal's sum at each of its cells."""
        return _circulant(gradient).mT


class Circulant(Function):
    """Numbers along circular diagonals; the transpose of `DiagonalSums`, read the other way."""

    @staticmethod
    def forward(ctx: Any, weights: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
        """A number for each diagonal."""
        return _circulant(weights)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
        """Gradients of a diagonal's cells, summed."""
        return _diagonal_sums(gradient.mT)


def _diagonal_sums(matrix: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
    """Twice the matrix, one below the other, has each circular diagonal whole: a step right is a step down."""
    n = matrix.shape[1]
    twice = torch.cat([matrix, matrix], dim=1)
    return twice.as_strided((len(matrix), n, n), (2 * n * n, n, n + 1)).sum(-1)


def _circulant(weights: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
    """Row t is a window of the weights, repeated, that begins t positions before their second copy."""
    n = weights.shape[1]
    return torch.cat([weights, weights], dim=1).unfold(1, n, 1)[:, 1:].flip(1)
