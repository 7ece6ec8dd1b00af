"""From item ids to the input of the first layer."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Dropout


class Embedding(nn.Module):
    """dropout(LayerNorm(item + position)), or dropout(LayerNorm(item)) where positions have no vectors.

    Args:
        n_items: I; ids run from 1 to I, 0 is padding and stays a zero row.
        max_length: N, whose positions have a learned vector each; 0 for none.
        dim: D.
        dropout: probability of dropping a unit.
        fresh: draw the items' vectors; without, they are whatever the memory held.
    """

    def __init__(self, n_items: int, max_length: int, dim: int, dropout: float, *, fresh: bool = True) -> None:
        super().__init__()
        # torch's skip_init() would do, but its meta device costs more to import than a million vectors to draw.
        self.items = (
            nn.Embedding(n_items + 1, dim, padding_idx=0)
            if fresh
            else nn.Embedding.from_pretrained(torch.empty(n_items + 1, dim), freeze=False, padding_idx=0)
        )
        self.positions = nn.Embedding(max_length, dim) if max_length else None
        self.norm = nn.LayerNorm(dim, eps=1e-12)
        self.dropout = Dropout(dropout)

    def forward(self, ids: Int[Tensor, "B N"]) -> Float[Tensor, "B N D"]:
        """Input of the first layer; fewer positions than `max_length` are the first ones."""
        x = self.items(ids)
        if self.positions is not None:
            x = x + self.positions.weight[: ids.shape[1]]
        out: Tensor = self.dropout(self.norm(x))
        return out

    def item_table(self) -> Float[Tensor, "I D"]:
        """The items' vectors, without the padding row."""
        return self.items.weight[1:]

    @torch.no_grad()
    def reset(self, std: float) -> None:
        """Draw both tables from a normal distribution and zero the padding row."""
        self.items.weight.normal_(0, std)
        self.items.weight[0].zero_()
        if self.positions is not None:
            self.positions.weight.normal_(0, std)
