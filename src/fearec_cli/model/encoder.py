"""The encoder: from padded ids to one representation a sequence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from fearec_cli.api import View, equations_only
from fearec_cli.errors import ConfigError
from fearec_cli.model.embedding import Embedding
from fearec_cli.model.layer import Layer
from fearec_cli.nn.fourier import rfft
from fearec_cli.nn.positions import Fill, Padding, filled, last_positions
from fearec_cli.nn.repeats import AddedScores, RepeatBias

Pooling = Literal["last", "mean"]


@dataclass(frozen=True)
class Encoded:
    """What the encoder gives.

    Attributes:
        representation: output at each sequence's last real position, or its mean over the real positions.
        positions: output at every position, where requested.
        branches: context of each branch of the last layer, pooled as the representation is, where requested.
        spectrum: magnitude at each frequency of the last layer's filtered input, where requested.
    """

    representation: Float[Tensor, "B D"]
    positions: Float[Tensor, "B N D"] | None = None
    branches: tuple[Float[Tensor, "B D"], ...] = ()
    spectrum: Float[Tensor, "B F D"] | None = None

    def in_order(self, index: Int[Tensor, "C"]) -> "Encoded":
        """The same of the sequences in another order, or of some of them."""
        return Encoded(
            self.representation[index],
            None if self.positions is None else self.positions[index],
            tuple(branch[index] for branch in self.branches),
            None if self.spectrum is None else self.spectrum[index],
        )


class Encoder(nn.Module):
    """Embedding and layers.

    Args:
        embedding: input.
        layers: from the input's side up.
        max_length: N.
        padding: side of the padding in the ids.
        pooling: what of a sequence's output represents it.
        repeats: added to the scores of items that a history already has.
        causal: whether no position depends on a later one, padding included.
        norm: of the last layer's output, where the layers do not end in one.
        cosine: representations and items have length 1, so that their products are cosines.
        fill: what stands at the positions of padding, whom nobody attends to.
    """

    def __init__(
        self,
        embedding: Embedding,
        layers: Sequence[Layer],
        max_length: int,
        padding: Padding,
        pooling: Pooling = "last",
        repeats: RepeatBias | None = None,
        *,
        causal: bool = False,
        norm: nn.LayerNorm | None = None,
        cosine: bool = False,
        fill: Fill = "zero",
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(layers)
        self.max_length = max_length
        self.padding: Padding = padding
        self.pooling: Pooling = pooling
        self.repeats = repeats
        self.causal = causal
        self.norm = norm
        self.cosine = cosine
        self.fill: Fill = fill

    def forward(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], requested: Collection[View] = ()) -> Encoded:
        """Encode sequences.

        Args:
            ids: padded histories, 0 is padding.
            lengths: number of real positions, 1 at least.
            requested: what is needed besides the representation.
        """
        valid = ids > 0
        last = last_positions(lengths, ids.shape[1], self.padding)
        # Prediction and loss read one position, unless pooled: the last layer computes no other.
        last_only = self.pooling == "last" and "positions" not in requested
        x = self.embedding(filled(ids, lengths, self.padding, self.fill))
        for layer in self.layers:
            out = layer(x, valid, lengths, last, last_only and layer is self.layers[-1])
            x = out.x
        if self.norm is not None:
            x = self.norm(x)
        rows = torch.arange(ids.shape[0], device=ids.device)
        at = torch.zeros_like(last) if last_only else last

        def pool(signal: Tensor) -> Tensor:
            if self.pooling == "mean":
                return (signal * valid[..., None]).sum(1) / lengths[:, None]
            return signal[rows, at]

        return Encoded(
            representation=self._scaled(pool(x)),
            positions=self._scaled(x) if "positions" in requested else None,
            branches=tuple(pool(context) for context in out.contexts) if "branches" in requested else (),
            spectrum=rfft(out.inputs.filtered("x"), "ortho").abs() if "spectrum" in requested else None,
        )

    def represent(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B D"]:
        """Representation whose product with the item table scores every item."""
        if self.causal and self.padding == "right" and not equations_only():
            ids = ids[:, : int(lengths.max())]  # what follows the longest history is padding that nobody reads
        encoded: Encoded = self(ids, lengths)
        return encoded.representation

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
        return self._scaled(self.embedding.item_table())

    def _scaled(self, vectors: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        return functional.normalize(vectors, dim=-1) if self.cosine else vectors
