"""Real FFTs along the positions, in float32 at least: FFTs and complex numbers know no half precision."""

from typing import Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor

Norm = Literal["backward", "ortho"]


def at_least_float32(x: Float[Tensor, "*L"]) -> Float[Tensor, "*L"]:
    """x, in float32 where it is shorter."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def rfft(x: Float[Tensor, "B N *axes"], norm: Norm = "backward") -> Complex[Tensor, "B F *axes"]:
    """Spectrum along the positions; not scaled, or by 1 / sqrt(N) where `norm` is "ortho"."""
    spectrum: Tensor = torch.fft.rfft(at_least_float32(x), dim=1, norm=norm)
    return spectrum


def irfft(spectrum: Complex[Tensor, "B F *axes"], n: int, dtype: torch.dtype) -> Float[Tensor, "B N *axes"]:
    """Signal of a spectrum, scaled by 1 / N.

    Args:
        spectrum: of `rfft`.
        n: N; without it the inverse would give N - 1 positions where N is odd.
        dtype: of the signal.
    """
    signal: Tensor = torch.fft.irfft(spectrum, n=n, dim=1)
    return signal.to(dtype)
