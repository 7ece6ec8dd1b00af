"""The fusion of BSARec: each branch has its own residual and LayerNorm before the two are averaged."""

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options, ResidualOutput
from fearec_cli.errors import ConfigError

Projected = Literal["none", "first", "second", "both"]


class NormMixOptions(Options):
    """The weight, and which branch is projected."""

    alpha: float = Field(0.7, ge=0, le=1, description="weight of the first branch; the second has 1 - alpha")
    projected: Projected = Field(
        "second",
        description="branches with an output projection; second: identity+dot, the frequency branch of BSARec has none",
    )


class NormMix(nn.Module):
    """alpha * end(first) + (1 - alpha) * end(second), end(c) = LayerNorm(dropout(W c) + x), or without W.

    No norm follows the mean, as in the paper and its code.

    Raises:
        ConfigError: another number of branches than two.
    """

    def __init__(self, options: NormMixOptions, shape: LayerShape, branches: int) -> None:
        super().__init__()
        if branches != 2:
            raise ConfigError(
                [f"fusion: norm-mix joins two branches, not {branches}; name them in attention, as in identity+dot"]
            )
        self.alpha = options.alpha
        self.ends = nn.ModuleList(
            ResidualOutput(
                shape.dim, shape.hidden_dropout, projected=options.projected in (name, "both"), norm=shape.norm
            )
            for name in ("first", "second")
        )

    def forward(self, contexts: Sequence[Float[Tensor, "B M D"]], x: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """The layer's output before its feed-forward."""
        first, second = (end(context, x) for end, context in zip(self.ends, contexts, strict=True))
        out: Tensor = self.alpha * first + (1 - self.alpha) * second
        return out


COMPONENT = Component(
    name="norm-mix",
    options=NormMixOptions,
    build=NormMix,
    summary="Weighted mean of two branches that each end in their own residual and norm.",
    source="BSARec: Shin et al., AAAI 2024 (arXiv 2312.10325), and the authors' code",
    causal=True,
)
