"""Causal filters as one lower-triangular matrix: row t is the filter of a history of t + 1 positions, read at its end.

A circular filter of N positions wraps the future into the past. Filtered by the filter of its own length, a history's
last position reads only its own past: y[t] = sum over s <= t of h_{t+1}[t - s] x[s], where h_n is the impulse response
irfft(gain_n, n). For the last position of a history without padding this is exactly what the circular filter gives.
Histories begin at position 0, which is so with model.padding = right.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from fearec_plugins._kernels.gains import apply_matrix


def apply_rows(matrix: Float[Tensor, "N N"], x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
    """Filter along the positions; a signal of fewer positions has the first rows."""
    length = x.shape[1]
    return apply_matrix(matrix[:length, :length], x)


def rows_of(responses: list[Float[Tensor, "_"]]) -> Float[Tensor, "N N"]:
    """The matrix whose row t holds the impulse response of t + 1 positions, latest position first at the diagonal.

    Args:
        responses: real gain at the (t + 1) // 2 + 1 frequencies of each length t + 1.
    """
    n = len(responses)
    matrix = torch.zeros(n, n, dtype=responses[-1].dtype)
    for t, gain in enumerate(responses):
        matrix[t, : t + 1] = torch.fft.irfft(gain.to(torch.complex128), n=t + 1).flip(0).to(matrix.dtype)
    return matrix
