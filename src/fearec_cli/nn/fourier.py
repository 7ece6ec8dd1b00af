"""Real FFTs along the positions, in float32 at least: FFTs and complex numbers know no half precision."""

import math
from typing import Literal

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from fearec_cli.kernels import equations_only

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


def multiply_spectrum(
    x: Float[Tensor, "B N D"],
    weight: Float[Tensor, "... F L"],
    imaginary: Float[Tensor, "... F L"] | None = None,
    offset: Float[Tensor, "... F L"] | None = None,
) -> Float[Tensor, "B N D"]:
    """irfft(weight * rfft(x) + offset, n=N): a circular convolution along the positions.

    The two transforms scale in opposite ways, so every `norm` gives the same but for the offset. Where equations alone
    are requested, as in an export, the transforms are their sums, in real numbers.

    Args:
        x: the signal.
        weight: at each frequency; L is D, or 1 for all dimensions alike; before it may stand an axis of sequences.
        imaginary: part of the weight; 0 unless given.
        offset: added to the spectrum; 0 unless given.
    """
    if equations_only():
        precise = at_least_float32(x).to(torch.promote_types(x.dtype, at_least_float32(weight).dtype))
        return _by_sums(precise, weight, imaginary, offset).to(x.dtype)
    factor = weight
    if imaginary is not None:
        factor = torch.complex(at_least_float32(weight), at_least_float32(imaginary))
    spectrum = rfft(x) * factor
    filtered: Tensor = irfft(spectrum if offset is None else spectrum + offset, x.shape[1], x.dtype)
    return filtered


def _by_sums(
    x: Float[Tensor, "B N D"],
    weight: Float[Tensor, "... F L"],
    imaginary: Float[Tensor, "... F L"] | None,
    offset: Float[Tensor, "... F L"] | None,
) -> Float[Tensor, "B N D"]:
    """X[f] = sum over t of x[t] e^(-2 pi i f t / N), and back with every frequency that has a mirror image twice."""
    n = x.shape[1]
    bins, times = torch.arange(n // 2 + 1, device=x.device), torch.arange(n, device=x.device)
    angle = (bins[:, None] * times % n).double() * (2 * math.pi / n)
    cosine, sine = angle.cos().to(x.dtype), angle.sin().to(x.dtype)  # [F, N]
    a, b = cosine @ x, -(sine @ x)  # [B, F, D]
    real, turned = a * weight, b * weight
    if imaginary is not None:
        real, turned = real - b * imaginary, turned + a * imaginary
    if offset is not None:
        real = real + offset
    single = (bins == 0) | (2 * bins == n)
    share = torch.where(single, 1.0, 2.0).to(x.dtype)[:, None] / n
    return (cosine * share).T @ real - (sine * share).T @ turned
