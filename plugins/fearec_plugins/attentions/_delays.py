"""Circular correlation and its delays, by the score matrix or by the FFT.

By the Wiener-Khinchin theorem the circular correlation of two signals is the inverse FFT of their
cross-spectrum. It is also the sum along each circular diagonal of their products at every pair of
positions; for short sequences that route needs no FFT at all.
"""

from typing import Any

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor
from torch.autograd import Function

from fearec_plugins._precision import at_least_float32

# The longest sequence whose correlation is taken from the score matrix.
LONGEST_BY_SCORES = 80


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
