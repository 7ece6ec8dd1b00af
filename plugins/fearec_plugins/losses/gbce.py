"""Generalised binary cross-entropy: corrects the overconfidence that drawn negatives cause."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._negatives import DESCRIPTION, MOST, sampled_scores


class GbceOptions(Options):
    """Negatives and calibration. Defaults are those of the authors' MovieLens-1M configuration."""

    negatives: int = Field(256, ge=1, le=MOST, description=DESCRIPTION)
    t: float = Field(0.75, ge=0, le=1, description="calibration: 0 is bce, 1 makes sigmoid(score) a probability")


def positive_power(negatives: int, n_items: int, t: float) -> float:
    """beta = alpha (t (1 - 1 / alpha) + 1 / alpha) = 1 - t (1 - alpha), the power of sigmoid(s+).

    alpha = negatives / (I - 1) is how often, on average, an item other than the target is drawn. The score
    that minimises the expected loss of an item which follows with probability p has
    sigmoid(s) = beta p / (beta p + alpha (1 - p)): p itself when beta = alpha, which is t = 1. Draws are with
    replacement, so that this holds for alpha above 1 too.
    """
    alpha = negatives / (n_items - 1)
    return 1 - t * (1 - alpha)


class Gbce:
    """-[beta log sigmoid(s+) + sum over negatives of log(1 - sigmoid(s-))], averaged over the batch.

    s+ is the score h . item of the target, s- that of a negative, beta that of `positive_power`. The paper's
    constant factor 1 / (negatives + 1) is left out, so that t = 0 is `bce` with the same negatives.
    """

    views: frozenset[View] = frozenset()

    def __init__(self, options: GbceOptions) -> None:
        self._options = options

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        options = self._options
        positive, negative = sampled_scores(inputs, options.negatives)
        beta = positive_power(options.negatives, len(inputs.items), options.t)
        # log(1 - sigmoid(s)) = log sigmoid(-s), which is finite for every finite s.
        likelihood = beta * functional.logsigmoid(positive) + functional.logsigmoid(-negative).sum(-1)
        return -likelihood.mean()


COMPONENT = Component(
    name="gbce",
    options=GbceOptions,
    build=Gbce,
    summary="Binary cross-entropy against drawn negatives, calibrated for how few are drawn.",
    source="gSASRec: Petrov and Macdonald, RecSys 2023 (arXiv 2308.07192), generalised binary cross-entropy",
)
