"""Frequency regularisation: views of the same sequence should have the same spectrum."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._pairs import DESCRIPTION, Pairs, names_of, representations, views_of


class SpectralOptions(Options):
    """Views and axis."""

    pairs: Pairs = Field("us_x", description=DESCRIPTION)
    axis: Literal["hidden", "time"] = Field(
        "hidden",
        description="axis of the FFT: dimensions of the representation, as in the authors' code, or time, "
        "which needs the output at every position",
    )


class SpectralAlignment:
    """mean |rfft(h') - rfft(h'')| over the chosen pairs; their sum where there are two.

    The FFT is the orthonormal one, as in the authors' code, so that the value does not grow with the axis.
    """

    def __init__(self, options: SpectralOptions) -> None:
        self._options = options
        time: frozenset[View] = frozenset({"positions"}) if options.axis == "time" else frozenset()
        self.views: frozenset[View] = views_of(options.pairs) | time

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        if self._options.axis == "time":
            known = inputs.positions
            pairs = [(known[one], known[other]) for one, other in names_of(self._options.pairs)]
            axis = 1
        else:
            pairs = representations(self._options.pairs, inputs)
            axis = -1
        # The transform is linear: one FFT of the difference.
        distances = [torch.fft.rfft(one - other, dim=axis, norm="ortho").abs().mean() for one, other in pairs]
        return torch.stack(distances).sum()


COMPONENT = Component(
    name="spectral",
    options=SpectralOptions,
    build=SpectralAlignment,
    summary="L1 distance between the spectra of two views.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.5, frequency domain regularization",
)
