"""A single branch as it is: dropout, residual and LayerNorm, nothing else."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, LayerShape, Options, ResidualOutput
from fearec_cli.errors import ConfigError


class Residual(nn.Module):
    """LayerNorm(dropout(branch) + x), without a projection.

    Raises:
        ConfigError: more than one branch.
    """

    def __init__(self, options: Options, shape: LayerShape, branches: int) -> None:
        super().__init__()
        if branches != 1:
            raise ConfigError(
                [f"fusion: residual takes a single branch, not {branches}; mix, gate and concat join more"]
            )
        self.output = ResidualOutput(shape.dim, shape.hidden_dropout, projected=False, norm=shape.norm)

    def forward(self, contexts: Sequence[Float[Tensor, "B M D"]], x: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """The layer's output before its feed-forward."""
        out: Tensor = self.output(contexts[0], x)
        return out


COMPONENT = Component(
    name="residual",
    build=Residual,
    summary="A single branch with residual and norm, without a projection.",
    source="FMLP-Rec: Zhou et al., WWW 2022 (arXiv 2202.13556), filter layer; SLIME4Rec after it",
    causal=True,
)
