"""Circular correlation and its delays, by the score matrix or by the FFT.

By the Wiener-Khinchin theorem the circular correlation of two signals is the inverse FFT of their
cross-spectrum. It is also the sum along each circular diagonal of their products at every pair of
positions; for short sequences that route needs no FFT at all.
"""

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from fearec_plugins._precision import at_least_float32

# The longest sequence whose correlation is taken from the score matrix. That route costs N^3 products by
# the fixed matrix of diagonals (and holds it: N^3 numbers), the FFT N log N times the hidden units. On one CPU core
# (D = 64) the branch, forward and backward, takes 0.6 times as long as by FFT at N = 50, 0.9 times at 64, as long
# at 80, 1.4 times at 100.
LONGEST_BY_SCORES = 80


def circular_diagonals(n: int) -> Float[Tensor, "NN N"]:
    """The 0/1 matrix T whose column tau marks circular diagonal tau of a flattened n x n matrix.

    T[(t + tau) mod n * n + t, tau] = 1, so flat(S) T sums S along its circular diagonals, and T w, read as
    an n x n matrix and transposed, is the circulant that applies delay tau with weight w[tau].
    """
    position = torch.arange(n)
    marks = torch.zeros(n, n, n)
    for delay in range(n):
        marks[(position + delay) % n, position, delay] = 1
    return marks.flatten(0, 1)


def correlation_by_scores(scores: Float[Tensor, "B N N"], diagonals: Float[Tensor, "NN N"]) -> Float[Tensor, "B N"]:
    """R(tau) = sum over t of S[(t + tau) mod N, t]."""
    return scores.flatten(1) @ diagonals


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


def circulant_of_delays(weights: Float[Tensor, "B N"], diagonals: Float[Tensor, "NN N"]) -> Float[Tensor, "B N N"]:
    """The matrix C with (C v)(t) = sum over tau of w(tau) v((t + tau) mod N)."""
    n = weights.shape[1]
    return (weights @ diagonals.T).view(-1, n, n).transpose(1, 2)


def circulant_row(weights: Float[Tensor, "B N"], row: Int[Tensor, "B"]) -> Float[Tensor, "B 1 N"]:
    """One row of each sequence's `circulant_of_delays`: position s is reached from t by the delay s - t."""
    delay = (torch.arange(weights.shape[1], device=weights.device) - row[:, None]) % weights.shape[1]
    return weights.gather(1, delay)[:, None]
