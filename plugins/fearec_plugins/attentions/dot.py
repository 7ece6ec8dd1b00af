"""Causal scaled dot-product attention, the baseline."""

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, DotProduct, LayerInputs, LayerShape, Options, Projection


class DotAttention(nn.Module):
    """softmax(Q K^T / sqrt(E)) V with a causal mask."""

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, options: Options, shape: LayerShape) -> None:
        super().__init__()
        self.attend = DotProduct.of(shape)

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Context of the unfiltered signal."""
        context: Tensor = self.attend(inputs)
        return context


COMPONENT = Component(
    name="dot",
    build=DotAttention,
    summary="Causal scaled dot-product attention on the unfiltered signal.",
    source="SASRec: Kang and McAuley, ICDM 2018; Vaswani et al., NeurIPS 2017, equation 1",
    causal=True,
)
