"""Contrastive learning between views of the same sequence."""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from fearec_cli.api import Component, Field, LossInputs, Options, View, hookimpl
from fearec_plugins.losses._pairs import DESCRIPTION, Pairs, representations, views_of


class ContrastOptions(Options):
    """Views and similarity."""

    pairs: Pairs = Field("us_x", description=DESCRIPTION)
    temperature: float = Field(1.0, gt=0, le=100, description="similarities are divided by it")
    similarity: Literal["dot", "cos"] = Field("dot", description="dot product, or cosine")


def info_nce(
    one: Float[Tensor, "B D"],
    other: Float[Tensor, "B D"],
    temperature: float,
    similarity: Literal["dot", "cos"],
) -> Float[Tensor, ""]:
    """InfoNCE over both views: each of the 2B representations against its partner and 2(B - 1) negatives.

    -log exp(s(i, partner) / tau) / sum over j != i of exp(s(i, j) / tau), averaged over all 2B
    (DuoRec: Qiu et al., WSDM 2022, equation 9; SimCLR's NT-Xent).
    """
    both = torch.cat([one, other])
    if similarity == "cos":
        both = functional.normalize(both, dim=-1)
    scores = both @ both.T / temperature
    itself = torch.eye(len(both), dtype=torch.bool, device=both.device)
    partner = torch.arange(len(both), device=both.device).roll(len(one))
    return functional.cross_entropy(scores.masked_fill(itself, -torch.inf), partner)


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


@hookimpl
def fearec_losses() -> Iterable[Component]:
    """Register `contrast`."""
    return [
        Component(
            name="contrast",
            options=ContrastOptions,
            build=Contrast,
            summary="InfoNCE between the dropout and the semantic view of a sequence.",
            source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.5; DuoRec: Qiu et al., WSDM 2022",
        )
    ]
