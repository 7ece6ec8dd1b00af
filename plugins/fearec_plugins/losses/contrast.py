"""Contrastive learning between views of the same sequence."""

import torch
from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._info_nce import SIMILARITY, TEMPERATURE, Similarity, info_nce
from fearec_plugins.losses._pairs import DESCRIPTION, Pairs, representations, views_of


class ContrastOptions(Options):
    """Views and similarity."""

    pairs: Pairs = Field("us_x", description=DESCRIPTION)
    temperature: float = Field(1.0, gt=0, le=100, description=TEMPERATURE)
    similarity: Similarity = Field("dot", description=SIMILARITY)


class Contrast:
    """InfoNCE of the chosen pairs of views; their sum where there are two."""

    def __init__(self, options: ContrastOptions) -> None:
        self._options = options
        self.views: frozenset[View] = views_of(options.pairs)

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        options = self._options
        values = [
            info_nce(one, other, options.temperature, options.similarity)
            for one, other in representations(options.pairs, inputs)
        ]
        return torch.stack(values).sum()


COMPONENT = Component(
    name="contrast",
    options=ContrastOptions,
    build=Contrast,
    summary="InfoNCE between the dropout and the semantic view of a sequence.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.5; DuoRec: Qiu et al., WSDM 2022",
)
