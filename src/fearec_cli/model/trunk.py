"""The trunk: from padded ids to one representation a sequence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from fearec_cli.api import View, rfft
from fearec_cli.config import ModelConfig
from fearec_cli.model.embedding import Embedding
from fearec_cli.model.layer import Layer
from fearec_cli.nn.blocks import layer_norm
from fearec_cli.nn.fills import filled
from fearec_cli.nn.positions import last_positions


@dataclass(frozen=True)
class Encoded:
    """What the trunk gives; what follows the representation where it was requested.

    Attributes:
        representation: output at each sequence's last real position, or its mean over the real positions.
        positions: output at every position.
        branches: context of each branch of the last layer, pooled as the representation is.
        spectrum: magnitude at each frequency of the last layer's filtered input.
    """

    representation: Float[Tensor, "B D"]
    positions: Float[Tensor, "B N D"] | None = None
    branches: tuple[Float[Tensor, "B D"], ...] = ()
    spectrum: Float[Tensor, "B F D"] | None = None


class Trunk(nn.Module):
    """Embedding, layers from the input's side up, and how the `model` settings pool and scale their output."""

    def __init__(self, embedding: Embedding, layers: Sequence[Layer], model: ModelConfig) -> None:
        super().__init__()
        self.embedding = embedding
        self.layers = nn.ModuleList(layers)
        self.norm = layer_norm(model.dim, used=model.norm == "pre")
        self.max_length, self.padding = model.max_length, model.padding
        self._model = model

    def forward(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], requested: Collection[View] = ()) -> Encoded:
        """Encode sequences.

        Args:
            ids: padded histories, 0 is padding.
            lengths: number of real positions, 1 at least.
            requested: what is needed besides the representation.
        """
        valid, last = ids > 0, last_positions(lengths, ids.shape[1], self.padding)
        if self._model.fill != "zero":
            ids = filled(ids, lengths, self.padding, self._model.fill)
        # Prediction and loss read one position, unless pooled: the last layer computes no other.
        last_only = self._model.pooling == "last" and "positions" not in requested
        x = self.embedding(ids)
        for layer in self.layers:
            out = layer(x, valid, lengths, last, last_only and layer is self.layers[-1])
            x = out.x
        x = self.norm(x)

        def pool(signal: Tensor) -> Tensor:
            if self._model.pooling == "mean":
                return (signal * valid[..., None]).sum(1) / lengths[:, None]
            return signal[:, 0] if last_only else signal[torch.arange(last.shape[0], device=last.device), last]

        return Encoded(
            representation=self.scaled(pool(x)),
            positions=self.scaled(x) if "positions" in requested else None,
            branches=tuple(pool(context) for context in out.contexts) if "branches" in requested else (),
            spectrum=rfft(out.inputs.filtered("x"), "ortho").abs() if "spectrum" in requested else None,
        )

    def scaled(self, vectors: Float[Tensor, "*L D"]) -> Float[Tensor, "*L D"]:
        """Representations or items as they are multiplied: of length 1 where the model scores by cosines."""
        return functional.normalize(vectors, dim=-1) if self._model.scores == "cosine" else vectors
