"""Spectral penalty: neighbouring frequencies should have similar magnitudes."""

from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, LossInputs, Options, View


class SmoothSpectrum:
    """mean (|X_f+1| - |X_f|)^2 over sequences, the F - 1 pairs of neighbouring frequencies, and dimensions.

    X is the orthonormal rFFT along time of the last layer's filtered input, [B, F, D]. Magnitudes only: a
    circular shift in time turns the phases and leaves the term as it is.
    """

    views: frozenset[View] = frozenset({"spectrum"})

    def __init__(self, options: Options) -> None:
        pass

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        assert inputs.spectrum is not None  # it is in `views`
        return inputs.spectrum.diff(dim=1).square().mean()


COMPONENT = Component(
    name="smooth-spectrum",
    build=SmoothSpectrum,
    summary="Mean squared difference of neighbouring frequencies' magnitudes.",
    source="the survey that the project started from (docs/method.md): smoothness of the spectrum",
)
