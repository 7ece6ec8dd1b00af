"""The loss `wavelet-sparsity`: a user's representation should change seldom rather than a little all the time."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, Field, LossInputs, Options, View, hookimpl
from fearec_wavelet.haar import decompose


class WaveletSparsityOptions(Options):
    """Depth."""

    levels: int = Field(3, ge=1, le=16, description="levels of detail that are counted")


class WaveletSparsity:
    """Mean over levels of mean |d_j|, d_j the Haar details of the last layer's outputs along time.

    The L1 norm of wavelet coefficients is what basis pursuit makes small (Chen, Donoho and Saunders, SIAM
    Journal on Scientific Computing 20(1), 1998): its minimum leaves few jumps, each as high as it needs to be. The
    outputs end in a LayerNorm, so that the norm cannot be made small by shrinking them.

    Padding positions count like others: a term does not know which they are.
    """

    views: frozenset[View] = frozenset({"positions"})

    def __init__(self, options: WaveletSparsityOptions) -> None:
        self._levels = options.levels

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        details, _ = decompose(inputs.positions["anchor"], self._levels)
        return torch.stack([detail.abs().mean() for detail in details]).mean()


@hookimpl
def fearec_losses() -> Iterable[Component]:
    """Register `wavelet-sparsity`."""
    return [
        Component(
            name="wavelet-sparsity",
            options=WaveletSparsityOptions,
            build=WaveletSparsity,
            summary="L1 norm of the Haar details of a sequence of outputs.",
            source="Chen, Donoho and Saunders, SIAM J. Sci. Comput. 20(1), 1998: basis pursuit",
        )
    ]
