"""Spectral penalty: few frequencies should describe a sequence."""

from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, LossInputs, Options, View


class SparseSpectrum:
    """mean |X|: the L1 norm of the spectrum over sequences, frequencies and dimensions, divided by B F D.

    X is the orthonormal rFFT along time of the last layer's filtered input, [B, F, D].
    """

    views: frozenset[View] = frozenset({"spectrum"})

    def __init__(self, options: Options) -> None:
        pass

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        assert inputs.spectrum is not None  # it is in `views`
        return inputs.spectrum.mean()


COMPONENT = Component(
    name="sparse-spectrum",
    build=SparseSpectrum,
    summary="Mean magnitude of the sequence's spectrum (L1).",
    source="the survey that the project started from (docs/method.md): sparsity of the spectrum",
)
