"""Branches side by side, joined by a feed-forward."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options, ResidualOutput
from fearec_cli.errors import ConfigError


class ConcatOptions(Options):
    """Size of the feed-forward."""

    expansion: int = Field(2, ge=1, le=16, description="dimensions of the feed-forward, as a multiple of model.dim")


class Concat(nn.Module):
    """LayerNorm(dropout(W2 gelu(W1 [a; b; ...] + b1) + b2) + x).

    Raises:
        ConfigError: a single branch.
    """

    def __init__(self, options: ConcatOptions, shape: LayerShape, branches: int) -> None:
        super().__init__()
        if branches < 2:
            raise ConfigError(
                [f"fusion: concat joins two branches or more, not {branches}; name them, as in dot+autocorr"]
            )
        inner = options.expansion * shape.dim
        self.expand = nn.Linear(branches * shape.dim, inner)
        self.activation = nn.GELU()
        self.output = ResidualOutput(shape.dim, shape.hidden_dropout, inputs=inner, norm=shape.norm)

    def forward(self, contexts: Sequence[Float[Tensor, "B M D"]], x: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """The layer's output before its feed-forward."""
        out: Tensor = self.output(self.activation(self.expand(torch.cat(list(contexts), dim=-1))), x)
        return out


COMPONENT = Component(
    name="concat",
    options=ConcatOptions,
    build=Concat,
    summary="Concatenation of the branches and a feed-forward with GELU.",
    source="the survey's description of FEARec (docs/method.md, section 4)",
    causal=True,
)
