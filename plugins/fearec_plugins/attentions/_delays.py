"""Circular correlation and its delays, by the score matrix or by the FFT, and averages over delays.

By the Wiener-Khinchin theorem the circular correlation of two signals is the inverse FFT of their
cross-spectrum. It is also the sum along each circular diagonal of their products at every pair of
positions; for short sequences that route needs no FFT at all.
"""

from typing import Any

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor
from torch.autograd.function import Function, once_differentiable
from torch.nn import functional

from fearec_plugins._precision import at_least_float32

# The longest sequence whose correlation is taken from the score matrix.
LONGEST_BY_SCORES = 128
# The most delays whose average is taken row by row, in two thirds of the time of the FFT (50 to 4,096 positions).
MOST_BY_ROWS = 24


def correlation_by_scores(scores: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
    """R(tau) = sum over t of S[(t + tau) mod N, t]."""
    correlation: Tensor = _DiagonalSums.apply(scores)  # type: ignore[no-untyped-call]
    return correlation


def correlation_by_fft(q: Float[Tensor, "B N D"], k: Float[Tensor, "B N D"]) -> Float[Tensor, "B N"]:
    """R(tau) = sum over channels of irfft(rfft(q) * conj(rfft(k)))(tau)."""
    spectrum = _rfft(q) * _rfft(k).conj()
    correlation: Tensor = torch.fft.irfft(spectrum.sum(-1), n=q.shape[1], dim=1).to(q.dtype)
    return correlation


def average_by_fft(weights: Float[Tensor, "B N"], values: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
    """sum over tau of w(tau) v((t + tau) mod N): a circular correlation of the values with the weights."""
    spectrum = _rfft(values) * _rfft(weights).conj()[:, :, None]
    average: Tensor = torch.fft.irfft(spectrum, n=values.shape[1], dim=1).to(values.dtype)
    return average


def average_over(
    delays: Int[Tensor, "B K"], weights: Float[Tensor, "B K"], values: Float[Tensor, "B N D"]
) -> Float[Tensor, "B N D"]:
    """sum over k of w_k v((t + tau_k) mod N): K rows are read for each position."""
    average: Tensor = _AverageOver.apply(delays, weights.to(values.dtype), values)  # type: ignore[no-untyped-call]
    return average


def _rfft(signal: Float[Tensor, "B N *axes"]) -> Complex[Tensor, "B F *axes"]:
    """Spectrum along the positions; FFTs know no half precision."""
    spectrum: Tensor = torch.fft.rfft(at_least_float32(signal), dim=1)
    return spectrum


def circulant_of_delays(weights: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
    """The matrix C with (C v)(t) = sum over tau of w(tau) v((t + tau) mod N), C[t, s] = w[(s - t) mod N]."""
    matrix: Tensor = _Circulant.apply(weights)  # type: ignore[no-untyped-call]
    return matrix


def circulant_row(weights: Float[Tensor, "B N"], row: Int[Tensor, "B"]) -> Float[Tensor, "B 1 N"]:
    """One row of each sequence's `circulant_of_delays`: position s is reached from t by the delay s - t."""
    delay = (torch.arange(weights.shape[1], device=weights.device) - row[:, None]) % weights.shape[1]
    return weights.gather(1, delay)[:, None]


class _AverageOver(Function):
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
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "B N D"]) -> tuple[None, Tensor, Tensor]:
        """A row's gradient is what those give that reach it, by the same delays backwards; a weight's is the product
        of gradient and row, summed over the positions."""
        delays, weights, values = ctx.saved_tensors
        gradient = gradient.contiguous()
        (batch, n, dim), kept = values.shape, delays.shape[1]
        bag = torch.arange(batch * n, device=delays.device)
        by_weights = torch.ops.aten._embedding_bag_per_sample_weights_backward(
            gradient.view(-1, dim), values.view(-1, dim), _reached(delays, n).flatten(), bag * kept,
            bag.repeat_interleave(kept), 0, -1,
        )  # fmt: skip
        return None, by_weights.view(batch, n, kept).sum(1), _bags(-delays, weights, gradient)


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


class _DiagonalSums(Function):
    """Sums along circular diagonals; the transpose of the map from numbers to the circulant that has them."""

    @staticmethod
    def forward(ctx: Any, scores: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
        """One sum for each diagonal."""
        return _diagonal_sums(scores)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
        """The gradient of a diagonal's sum at each of its places."""
        return _circulant(gradient).mT


class _Circulant(Function):
    """Numbers along circular diagonals; the transpose of `_DiagonalSums`, seen from the other side."""

    @staticmethod
    def forward(ctx: Any, weights: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
        """A number for each diagonal."""
        return _circulant(weights)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
        """Gradients of a diagonal's places, summed."""
        return _diagonal_sums(gradient.mT)


def _diagonal_sums(matrix: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
    """Twice the matrix, one below the other, has each circular diagonal whole: a step right is a step down."""
    n = matrix.shape[1]
    twice = torch.cat([matrix, matrix], dim=1)
    return twice.as_strided((len(matrix), n, n), (2 * n * n, n, n + 1)).sum(-1)


def _circulant(weights: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
    """Row t is a window of the weights, repeated, that begins t places before their second copy."""
    n = weights.shape[1]
    return torch.cat([weights, weights], dim=1).unfold(1, n, 1)[:, 1:].flip(1)
