"""Circular correlation and its delays, by the score matrix or by the FFT, and averages over delays.

By the Wiener-Khinchin theorem the circular correlation of two signals is the inverse FFT of their cross-spectrum. It is
also the sum along each circular diagonal of their products at every pair of positions, which needs no FFT: that is the
equation, and what a model is exported with.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import at_least_float32, equations_only, irfft, rfft
from fearec_plugins._kernels.delays import AverageOver, Circulant, DiagonalSums

# The longest sequence whose correlation is taken from the score matrix.
LONGEST_BY_SCORES = 128
# The most delays whose average is taken row by row instead of by the FFT.
MOST_BY_ROWS = 24


def kept_delays(n: int, top_k: float) -> int:
    """How many delays of n positions are kept: the floor of top_k ln(n), 1 at least."""
    return min(n, max(1, math.floor(top_k * math.log(n))))


def correlation_by_scores(scores: Float[Tensor, "B N N"]) -> Float[Tensor, "B N"]:
    """R(tau) = sum over t of S[(t + tau) mod N, t]."""
    if equations_only():
        n = scores.shape[1]
        t = torch.arange(n, device=scores.device)
        return scores[:, (t + t[:, None]) % n, t].sum(-1)
    correlation: Tensor = DiagonalSums.apply(scores)  # type: ignore[no-untyped-call]
    return correlation


def correlation_by_fft(q: Float[Tensor, "B N D"], k: Float[Tensor, "B N D"]) -> Float[Tensor, "B N"]:
    """R(tau) = sum over dimensions of irfft(rfft(q) * conj(rfft(k)))(tau)."""
    if equations_only():
        return correlation_by_scores(at_least_float32(q) @ at_least_float32(k).mT).to(q.dtype)
    correlation: Tensor = irfft((rfft(q) * rfft(k).conj()).sum(-1), q.shape[1], q.dtype)
    return correlation


def average_by_fft(weights: Float[Tensor, "B N"], values: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
    """sum over tau of w(tau) v((t + tau) mod N): a circular correlation of the values with the weights."""
    if equations_only():
        matrix = at_least_float32(circulant_of_delays(weights))
        return (matrix @ at_least_float32(values)).to(values.dtype)
    average: Tensor = irfft(rfft(values) * rfft(weights).conj()[:, :, None], values.shape[1], values.dtype)
    return average


def average_over(
    delays: Int[Tensor, "B K"], weights: Float[Tensor, "B K"], values: Float[Tensor, "B N D"]
) -> Float[Tensor, "B N D"]:
    """sum over k of w_k v((t + tau_k) mod N): of few delays row by row, of many by the FFT."""
    if equations_only() or delays.shape[1] > MOST_BY_ROWS:
        of_every = torch.zeros(values.shape[:2], dtype=weights.dtype, device=weights.device)
        return average_by_fft(of_every.scatter_add(1, delays, weights), values)
    average: Tensor = AverageOver.apply(delays, weights.to(values.dtype), values)  # type: ignore[no-untyped-call]
    return average


def circulant_of_delays(weights: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
    """The matrix C with (C v)(t) = sum over tau of w(tau) v((t + tau) mod N), C[t, s] = w[(s - t) mod N]."""
    if equations_only():
        t = torch.arange(weights.shape[1], device=weights.device)
        return weights[:, (t - t[:, None]) % weights.shape[1]]
    matrix: Tensor = Circulant.apply(weights)  # type: ignore[no-untyped-call]
    return matrix


def circulant_row(weights: Float[Tensor, "B N"], row: Int[Tensor, "B"]) -> Float[Tensor, "B 1 N"]:
    """One row of each sequence's `circulant_of_delays`: position s is reached from t by the delay s - t."""
    delay = (torch.arange(weights.shape[1], device=weights.device) - row[:, None]) % weights.shape[1]
    return weights.gather(1, delay)[:, None]
