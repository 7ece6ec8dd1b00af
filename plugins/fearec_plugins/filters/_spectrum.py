"""The magnitude of complex weights, a learned gain at another length, and which bins are low."""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from fearec_cli.errors import ConfigError


def magnitude(weight: Complex[Tensor, "F D"], n: int) -> Float[Tensor, "F D"]:
    """Gain of complex weights: |w|, and |Re w| at bin 0 and, where n is even, n / 2, whose output is real."""
    gain = weight.abs()
    gain[0] = weight[0].real.abs()
    if n % 2 == 0:
        gain[-1] = weight[-1].real.abs()
    return gain


def at_length(gain: Float[Tensor, "F *C"], learned: int, n: int) -> Float[Tensor, "G *C"]:
    """A gain learned at the bins b / `learned`, read at the bins b / n (cycles a position) of another length.

    Linear in between; the highest learned frequency stands for those above it.
    """
    place = (torch.arange(n // 2 + 1, device=gain.device) * (learned / n)).clamp(max=len(gain) - 1)
    low = place.floor().long()
    high = (low + 1).clamp(max=len(gain) - 1)
    share = (place - low).to(gain.dtype).view(-1, *[1] * (gain.ndim - 1))
    return gain[low] * (1 - share) + gain[high] * share


def low_bins(cutoff: int, trained: int, n: int) -> Float[Tensor, "F"]:
    """One at the bins of n positions that are below the frequency of bin `cutoff` of `trained` positions, else zero."""
    return (torch.arange(n // 2 + 1) * trained < cutoff * n).float()


def check_cutoff(name: str, cutoff: int, n: int, *, role: str) -> None:
    """Check that a signal has the low bins.

    Args:
        name: of the filter.
        cutoff: how many bins are low.
        n: positions of the signal.
        role: what they do in the filter, for the message.

    Raises:
        ConfigError: it has fewer bins.
    """
    bins = n // 2 + 1
    if cutoff > bins:
        raise ConfigError(
            [
                f"{name}.cutoff: {cutoff} frequencies cannot {role} of the {bins} that model.max_length = {n} has; "
                "lower it"
            ]
        )
