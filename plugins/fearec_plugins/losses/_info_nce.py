"""InfoNCE between two views of each sequence, for every term that contrasts."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Similarity = Literal["dot", "cos"]

TEMPERATURE = "similarities are divided by it"
SIMILARITY = "dot product, or cosine"


def info_nce(
    one: Float[Tensor, "B D"],
    other: Float[Tensor, "B D"],
    temperature: float,
    similarity: Similarity,
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
