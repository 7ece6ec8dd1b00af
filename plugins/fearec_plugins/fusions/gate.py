"""An elementwise gate that chooses between two branches, position by position and dimension by dimension."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, LayerShape, Options, ResidualOutput
from fearec_cli.errors import ConfigError


class Gate(nn.Module):
    """LayerNorm(dropout(W (g * a + (1 - g) * b)) + x), g = sigmoid(W_g [a; b] + b_g), a and b the two branches.

    The gate starts near one half: its weights are small, its bias is zero.

    Raises:
        ConfigError: another number of branches than two.
    """

    def __init__(self, options: Options, shape: LayerShape, branches: int) -> None:
        super().__init__()
        if branches != 2:
            raise ConfigError(
                [f"fusion: gate joins two branches, not {branches}; name them in attention, as in dot+autocorr"]
            )
        self.gate = nn.Linear(2 * shape.dim, shape.dim)
        self.output = ResidualOutput(shape.dim, shape.hidden_dropout, norm=shape.norm)

    def forward(self, contexts: Sequence[Float[Tensor, "B M D"]], x: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """The layer's output before its feed-forward."""
        first, second = contexts
        gate = self.gate(torch.cat([first, second], dim=-1)).sigmoid().to(first.dtype)
        out: Tensor = self.output(torch.lerp(second, first, gate), x)
        return out


COMPONENT = Component(
    name="gate",
    build=Gate,
    summary="Elementwise sigmoid gate between two branches, computed from both.",
    source="the survey's description of FEARec (docs/method.md, section 4)",
    causal=True,
)
