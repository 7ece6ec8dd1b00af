"""Cross-entropy over the target and drawn negatives."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._negatives import DESCRIPTION, MOST, sampled_scores


class SampledSoftmaxOptions(Options):
    """Negatives."""

    negatives: int = Field(256, ge=1, le=MOST, description=DESCRIPTION)


class SampledSoftmax:
    """-log exp(s+) / (exp(s+) + sum over negatives of exp(s- - log Q)), averaged over the batch.

    s+ is the score h . item of the target, s- that of a negative. Q = negatives / (I - 1) is how often, on
    average, an item other than the target is drawn; with it the sum is an unbiased estimate of `ce`'s, and the
    term comes to `ce` as negatives are added. The target is always there and needs no correction. It is
    never drawn, so no accidental hit is among the negatives.
    """

    views: frozenset[View] = frozenset()

    def __init__(self, options: SampledSoftmaxOptions) -> None:
        self._negatives = options.negatives

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        positive, negative = sampled_scores(inputs, self._negatives)
        log_q = math.log(self._negatives / (len(inputs.items) - 1))
        scores = torch.cat([positive[:, None], negative - log_q], dim=1)
        return (scores.logsumexp(-1) - positive).mean()


COMPONENT = Component(
    name="sampled-softmax",
    options=SampledSoftmaxOptions,
    build=SampledSoftmax,
    summary="Softmax cross-entropy over the target and uniformly drawn negatives.",
    source="Jean et al., ACL 2015 (arXiv 1412.2007), section 3, importance sampling of the softmax",
)
