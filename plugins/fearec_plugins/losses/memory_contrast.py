"""Contrastive learning with an earlier history that led to the same item, without a further pass of the encoder."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._info_nce import SIMILARITY, TEMPERATURE, Similarity


class MemoryContrastOptions(Options):
    """Similarity."""

    temperature: float = Field(0.2, gt=0, le=100, description=TEMPERATURE)
    similarity: Similarity = Field("cos", description=SIMILARITY)


class MemoryContrast:
    """InfoNCE of each history with the last one that had the same target, as the run remembers it.

    -log exp(s(h_i, m_i) / tau) / sum over j of exp(s(h_i, m_j) / tau), m_j the remembered representation of row j's
    target, over the rows j whose target is another one, and i itself. It is averaged over the rows whose target was
    one before; where none was it is 0. The semantic pair of DuoRec without a pass for it: the other history is the
    one that was encoded last, with the weights of that step, as in the memory bank of Wu et al., CVPR 2018 (arXiv
    1805.01978).
    """

    views: frozenset[View] = frozenset({"memory"})

    def __init__(self, options: MemoryContrastOptions) -> None:
        self._options = options

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        assert inputs.memory is not None  # it is in `views`
        anchor, memory, targets = inputs.representation, inputs.memory, inputs.targets
        known = memory.any(1)
        if self._options.similarity == "cos":
            anchor, memory = functional.normalize(anchor, dim=1), functional.normalize(memory, dim=1)
        scores = anchor @ memory.T / self._options.temperature
        itself = torch.eye(len(targets), dtype=torch.bool, device=targets.device)
        compared = itself | (known & (targets[:, None] != targets))
        values = scores.masked_fill(~compared, -torch.inf).logsumexp(1) - scores.diagonal()
        return torch.where(known, values, 0).sum() / known.sum().clamp(min=1)


COMPONENT = Component(
    name="memory-contrast",
    options=MemoryContrastOptions,
    build=MemoryContrast,
    summary="InfoNCE with the remembered representation of the last history that had the same target.",
    source="this project, after DuoRec: Qiu et al., WSDM 2022, equation 9, and Wu et al., CVPR 2018 (arXiv 1805.01978)",
)
