"""Weighted mean of the time branch and the frequency branch."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options, ResidualOutput
from fearec_cli.errors import ConfigError


class MixOptions(Options):
    """The weight."""

    gamma: float = Field(0.1, ge=0, le=1, description="weight of the first branch; the second has 1 - gamma")
    learned: bool = Field(False, description="learn gamma, one a layer, from this start, 0 and 1 left out")


class Mix(nn.Module):
    """LayerNorm(dropout(W (gamma time + (1 - gamma) frequency)) + x); a single branch is taken as it is.

    Raises:
        ConfigError: more than two branches, or a learned gamma that starts at 0 or 1.
    """

    def __init__(self, options: MixOptions, shape: LayerShape, branches: int) -> None:
        super().__init__()
        if branches > 2:
            raise ConfigError([f"fusion: mix joins one or two branches, not {branches}"])
        if options.learned and not 0 < options.gamma < 1:
            raise ConfigError([f"mix.gamma: a learned gamma starts between 0 and 1, not at {options.gamma}"])
        self.gamma = options.gamma
        self.logit = nn.Parameter(torch.logit(torch.tensor(options.gamma))) if options.learned else None
        self.output = ResidualOutput(shape.dim, shape.hidden_dropout, norm=shape.norm)

    def forward(self, contexts: Sequence[Float[Tensor, "B M D"]], x: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """The layer's output before its feed-forward."""
        joined = contexts[0]
        if len(contexts) == 2:
            gamma = self.gamma if self.logit is None else self.logit.sigmoid().to(joined.dtype)
            joined = torch.lerp(contexts[1], contexts[0], gamma)
        out: Tensor = self.output(joined, x)
        return out


COMPONENT = Component(
    name="mix",
    options=MixOptions,
    build=Mix,
    summary="gamma * first branch + (1 - gamma) * second branch.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.4, hybrid attention",
    causal=True,
)
