"""Time-domain attention of FEARec: dot-product attention on what the layer's frequency window lets through."""

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, DotProduct, LayerInputs, LayerShape, Options, Projection


class RampAttention(nn.Module):
    """softmax((P Q)(P K)^T / sqrt(E)) P V with a causal mask, P the layer's filter."""

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, options: Options, shape: LayerShape) -> None:
        super().__init__()
        self.attend = DotProduct.of(shape)

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Context of the filtered signal."""
        context: Tensor = self.attend(inputs, filtered=("q", "k", "v"))
        return context


COMPONENT = Component(
    name="ramp",
    build=RampAttention,
    summary="Dot-product attention on filtered queries, keys and values.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.2, time domain self-attention",
    causal=True,
)
