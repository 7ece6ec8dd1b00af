"""Depth and sizes of a layer, which its components are built from; without torch, as `fearec_cli.api` offers it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """All that a component knows of the model it is built for.

    Attributes:
        layer: index of the layer, 0 is the one next to the embedding.
        n_layers: number of layers.
        max_length: N, positions of a sequence.
        dim: D, dimensions.
        heads: H, attention heads; divides `dim`.
        hidden_dropout: probability of dropping a unit of a layer's output.
        attention_dropout: probability of dropping an attention weight.
        positions: how the model knows the order of items; where it is `relative`, dot-product attention learns a bias
            and a value vector for each head and distance.
        norm: `post`: a sub-layer ends in LayerNorm, which `ResidualOutput` has; `pre`: its input is normalised by the
            layer, and its output is added as it is.
        padding: side of the padding.
        spectrum: length of a sequence's spectrum: `max_length`, or that of its real positions alone.
    """

    layer: int
    n_layers: int
    max_length: int
    dim: int
    heads: int
    hidden_dropout: float = 0.0
    attention_dropout: float = 0.0
    positions: Literal["absolute", "relative", "none"] = "absolute"
    norm: Literal["post", "pre"] = "post"
    padding: Literal["right", "left"] = "right"
    spectrum: Literal["padded", "true-length"] = "padded"
