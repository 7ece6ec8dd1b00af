"""Contrastive learning between the time branch and the frequency branch."""

from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_cli.errors import ConfigError
from fearec_plugins.losses._info_nce import SIMILARITY, TEMPERATURE, Similarity, info_nce


class BranchContrastOptions(Options):
    """Similarity."""

    temperature: float = Field(1.0, gt=0, le=100, description=TEMPERATURE)
    similarity: Similarity = Field("dot", description=SIMILARITY)


class BranchContrast:
    """InfoNCE whose positive pair is what the two branches of the last layer make of the same sequence.

    Negatives are both branches' contexts of the batch's other sequences: 2 (B - 1) of them.
    """

    views: frozenset[View] = frozenset({"branches"})

    def __init__(self, options: BranchContrastOptions) -> None:
        self._options = options

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value.

        Raises:
            ConfigError: the model has not two branches.
        """
        if len(inputs.branches) != 2:
            raise ConfigError(
                [
                    f"loss: branch-contrast compares two branches, and the model has {len(inputs.branches)}; "
                    "join two, as in --attention ramp+autocorr, or leave the term out"
                ]
            )
        one, other = inputs.branches  # [B, D] each
        return info_nce(one, other, self._options.temperature, self._options.similarity)


COMPONENT = Component(
    name="branch-contrast",
    options=BranchContrastOptions,
    build=BranchContrast,
    summary="InfoNCE between the two branches' representations of a sequence.",
    source="the survey that the project started from (docs/method.md): contrast between time and frequency "
    "branch; InfoNCE as in DuoRec: Qiu et al., WSDM 2022, equation 9",
)
