"""The encoder: a trunk with the items that its representations score."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import equations_only
from fearec_cli.config import ModelConfig
from fearec_cli.errors import ConfigError
from fearec_cli.model.embedding import Embedding
from fearec_cli.model.layer import Layer
from fearec_cli.model.trunk import Trunk
from fearec_cli.nn.positions import last_positions
from fearec_cli.nn.repeats import AddedScores, RepeatBias


class Encoder(Trunk):
    """Scores of items after histories.

    Args:
        embedding: input.
        layers: from the input's side up.
        model: settings.
        causal: whether no position depends on a later one, padding included.
    """

    def __init__(self, embedding: Embedding, layers: Sequence[Layer], model: ModelConfig, *, causal: bool) -> None:
        super().__init__(embedding, layers, model)
        norm: nn.Module = self.norm
        del self.norm  # and registered last: optimiser states know parameters by their order
        self.repeats = RepeatBias(model.max_length) if model.repeats == "learned" else None
        self.norm = norm
        self.causal = causal

    def represent(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B D"]:
        """Representation whose product with the item table scores every item."""
        if self.causal and self.padding == "right" and not equations_only():
            ids = ids[:, : int(lengths.max())]  # what follows the longest history is padding that is not read
        representation: Tensor = self(ids, lengths).representation
        return representation

    def added_scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> AddedScores | None:
        """What is added to the products of representation and item table; None where nothing is."""
        if self.repeats is None:
            return None
        return self.repeats.at_last(ids, last_positions(lengths, ids.shape[1], self.padding))

    def added_everywhere(self, ids: Int[Tensor, "B N"]) -> AddedScores | None:
        """The same for every real position, in the order of `ids[ids > 0]`."""
        return None if self.repeats is None else self.repeats.at_every(ids)

    def scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B I"]:
        """The score of every item after each history; ranks of many are found without it (`evaluation.ranks`)."""
        scores = self.represent(ids, lengths) @ self.item_table().T
        if self.repeats is None:
            return scores
        return self.repeats.onto(scores, ids, last_positions(lengths, ids.shape[1], self.padding))

    def penalty(self) -> Float[Tensor, ""]:
        """Sum over the layers of what their filters ask to be small.

        Raises:
            ConfigError: they ask for nothing.
        """
        penalties = (getattr(layer.filter, "penalty", None) for layer in self.layers)
        asked: list[Tensor] = [penalty() for penalty in penalties if callable(penalty)]
        if not asked:
            raise ConfigError(["loss: the model's filter has no penalty; position-fir has one, or leave the term out"])
        return torch.stack(asked).sum()

    def item_table(self) -> Float[Tensor, "I D"]:
        """The items' vectors, without the padding row."""
        return self.scaled(self.embedding.items.weight[1:])
