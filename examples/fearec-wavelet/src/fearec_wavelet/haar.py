"""The Haar wavelet transform "with holes" along time: no decimation, any length, and never a look ahead.

Source: Renaud, Starck and Murtagh, "Wavelet-based combined signal filtering and prediction", IEEE
Transactions on Systems, Man and Cybernetics B 35(6), 2005: the Haar à trous transform, chosen
there for prediction because a coefficient at time t needs nothing later than t.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def smooth(signal: Float[Tensor, "B N D"], step: int) -> Float[Tensor, "B N D"]:
    """(a(t) + a(t - step)) / 2, the first position standing for all that came before it."""
    before = signal[:, :1].expand(-1, min(step, signal.shape[1]), -1)
    return (signal + torch.cat([before, signal[:, :-step]], dim=1)) / 2


def decompose(
    signal: Float[Tensor, "B N D"], levels: int
) -> tuple[list[Float[Tensor, "B N D"]], Float[Tensor, "B N D"]]:
    """Details d_1 (the fastest changes) to d_J, and the smooth rest a_J, all as long as the signal.

    a_0 = x, a_j(t) = (a_{j-1}(t) + a_{j-1}(t - 2^{j-1})) / 2 and d_j = a_{j-1} - a_j, so that the signal is
    a_J + d_1 + ... + d_J exactly.

    Args:
        signal: one channel a dimension.
        levels: J; level j compares means over 2^{j-1} positions.
    """
    details = []
    for level in range(levels):
        coarser = smooth(signal, 2**level)
        details.append(signal - coarser)
        signal = coarser
    return details, signal


def band_responses(n: int, levels: int) -> Float[Tensor, "J1 F"]:
    """Complex gain of each detail, and of the rest in the last row, at the frequencies of n positions.

    With h_j(w) = (1 + exp(-i w 2^{j-1})) / 2 the rest has h_1 ... h_J and detail j has h_1 ... h_{j-1} (1 - h_j):
    exact inside a long sequence; at a sequence's beginning there is less to look back on.
    """
    omega = 2 * torch.pi * torch.arange(n // 2 + 1) / n
    kept = torch.ones_like(omega, dtype=torch.complex64)
    rows = []
    for level in range(levels):
        smoothing = (1 + torch.exp(-1j * omega * 2**level)) / 2
        rows.append(kept * (1 - smoothing))
        kept = kept * smoothing
    return torch.stack([*rows, kept])
