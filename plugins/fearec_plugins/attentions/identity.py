"""No attention: the branch is what the layer's filter gives, for models that mix positions by a filter alone."""

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, LayerInputs, LayerShape, Options, Projection


class Identity(nn.Module):
    """P x, P the layer's filter: no projection, no heads, no mask."""

    projections: frozenset[Projection] = frozenset()

    def __init__(self, options: Options, shape: LayerShape) -> None:
        super().__init__()

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """The filtered input at the requested positions."""
        return inputs.at_requested(inputs.filtered("x"))


COMPONENT = Component(
    name="identity",
    build=Identity,
    summary="The filtered input itself, without attention.",
    source="FMLP-Rec: Zhou et al., WWW 2022 (arXiv 2202.13556); SLIME4Rec and BSARec after it",
    causal=True,
)
