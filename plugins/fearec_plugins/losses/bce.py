"""Binary cross-entropy of the target against drawn negatives."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._negatives import DESCRIPTION, MOST, sampled_scores


class BinaryCrossEntropyOptions(Options):
    """Negatives."""

    negatives: int = Field(1, ge=1, le=MOST, description=DESCRIPTION)


class BinaryCrossEntropy:
    """-[log sigmoid(s+) + sum over negatives of log(1 - sigmoid(s-))], averaged over the batch.

    s+ is the score h . item of the target, s- that of a negative. The paper leaves the whole history out of
    the draw; here, as in gSASRec, only the target is left out.
    """

    views: frozenset[View] = frozenset()

    def __init__(self, options: BinaryCrossEntropyOptions) -> None:
        self._negatives = options.negatives

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        positive, negative = sampled_scores(inputs, self._negatives)
        # log(1 - sigmoid(s)) = log sigmoid(-s), which is finite for every finite s.
        likelihood = functional.logsigmoid(positive) + functional.logsigmoid(-negative).sum(-1)
        return -likelihood.mean()


COMPONENT = Component(
    name="bce",
    options=BinaryCrossEntropyOptions,
    build=BinaryCrossEntropy,
    summary="Binary cross-entropy of the target against uniformly drawn negatives.",
    source="SASRec: Kang and McAuley, ICDM 2018, section III-E, binary cross-entropy objective",
)
