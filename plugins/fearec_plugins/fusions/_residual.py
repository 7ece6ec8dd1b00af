"""The end of a sub-layer that has no projection of its own."""

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Dropout


class ResidualNorm(nn.Module):
    """LayerNorm(dropout(signal) + residual): `fearec_cli.api.ResidualOutput` without the projection.

    Args:
        dim: D.
        dropout: probability of dropping a unit.
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(dim, eps=1e-12)

    def forward(self, signal: Float[Tensor, "*L D"], residual: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """Drop, add, normalise."""
        out: Tensor = self.norm(self.dropout(signal) + residual)
        return out
