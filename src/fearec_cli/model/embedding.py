"""From item ids to the input of the first layer."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Dropout
from fearec_cli.nn.blocks import layer_norm


class Embedding(nn.Module):
    """dropout(LayerNorm(item + position)), or dropout(LayerNorm(item)) where positions have no vectors.

    Args:
        items: a vector for each id; 0 is padding and a zero row.
        positions: a vector for each of N positions, or None.
        dropout: probability of dropping an element.
    """

    def __init__(self, items: nn.Embedding, positions: nn.Embedding | None, dropout: float) -> None:
        super().__init__()
        self.items = items
        self.positions = positions
        self.norm = layer_norm(items.embedding_dim)
        self.dropout = Dropout(dropout)

    def forward(self, ids: Int[Tensor, "B N"]) -> Float[Tensor, "B N D"]:
        """Input of the first layer; fewer positions than `positions` has are the first ones."""
        x = self.items(ids)
        if self.positions is not None:
            x = x + self.positions.weight[: ids.shape[1]]
        out: Tensor = self.dropout(self.norm(x))
        return out
