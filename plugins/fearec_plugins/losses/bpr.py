"""Bayesian personalised ranking."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._negatives import DESCRIPTION, MOST, sampled_scores


class BprOptions(Options):
    """Negatives."""

    negatives: int = Field(1, ge=1, le=MOST, description=DESCRIPTION)


class Bpr:
    """-log sigmoid(s+ - s-), averaged over the negatives and the batch.

    s+ is the score h . item of the target, s- that of a negative. More negatives estimate the same mean over
    all pairs with less noise. The paper's penalty on the weights is left to the optimiser (`training.weight_decay`).
    """

    views: frozenset[View] = frozenset()

    def __init__(self, options: BprOptions) -> None:
        self._negatives = options.negatives

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        positive, negative = sampled_scores(inputs, self._negatives)
        return -functional.logsigmoid(positive[:, None] - negative).mean()


COMPONENT = Component(
    name="bpr",
    options=BprOptions,
    build=Bpr,
    summary="Bayesian personalised ranking of the target above uniformly drawn negatives.",
    source="BPR: Rendle et al., UAI 2009 (arXiv 1205.2618), section 4.1, BPR-OPT",
)
