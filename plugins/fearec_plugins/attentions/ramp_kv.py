"""Attention to a filtered past: queries read the signal as it is, keys and values pass the layer's filter."""

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, DotProduct, LayerInputs, LayerShape, Options, Projection


class RampKVAttention(nn.Module):
    """softmax(Q (P K)^T / sqrt(E)) P V with a causal mask, P the layer's filter.

    The survey attends with the filtered input itself, softmax(Q X'^T / sqrt(D)) X', X' = P X. Here keys and values
    are projected and split into heads, as in every branch of the trunk, and the filter acts after the projection:
    P (X W + b) is (P X) W up to the bias where P is the same for all dimensions.
    """

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, options: Options, shape: LayerShape) -> None:
        super().__init__()
        self.attend = DotProduct.of(shape)

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Context of the filtered past."""
        context: Tensor = self.attend(inputs, filtered=("k", "v"))
        return context


COMPONENT = Component(
    name="ramp-kv",
    build=RampKVAttention,
    summary="Dot-product attention of unfiltered queries to filtered keys and values.",
    source="the survey's description of FEARec (docs/method.md, section 2, learnable ramp)",
)
