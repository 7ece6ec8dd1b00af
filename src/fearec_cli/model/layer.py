"""One layer: project q, k and v once, run the branches, fuse them, feed forward."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from fearec_cli.api import Attention, FeedForward, Filter, Fusion, LayerInputs, LayerShape
from fearec_cli.nn.projections import LinearMap, Projection

_PROJECTIONS: tuple[Projection, ...] = ("q", "k", "v")


class LayerOutput(NamedTuple):
    """What a layer gives.

    Attributes:
        x: [B, M, D] output.
        contexts: [B, M, D] of each branch, before fusion.
        inputs: what the branches worked on, for who looks inside.
    """

    x: Tensor
    contexts: list[Tensor]
    inputs: LayerInputs


class Layer(nn.Module):
    """Filter, attention branches, fusion head and feed-forward.

    Args:
        shape: the layer's place and sizes.
        layer_filter: what branches filter their signals with.
        branches: attention branches.
        fusion: head that joins them.
        feed_forward: what follows.
    """

    def __init__(
        self,
        shape: LayerShape,
        layer_filter: Filter,
        branches: Sequence[Attention],
        fusion: Fusion,
        feed_forward: FeedForward,
    ) -> None:
        super().__init__()
        read = frozenset[Projection]().union(*(branch.projections for branch in branches))
        self._projected = tuple(name for name in _PROJECTIONS if name in read)
        self._heads = shape.heads
        # A row of blocks, one for each projection that some branch reads; no parameters for the others.
        self.project = nn.Linear(shape.dim, shape.dim * len(read)) if read else None
        # Parts are plain callables by contract; those with parameters are modules and found as such.
        self.filter = layer_filter
        self.branches = nn.ModuleList(branch for branch in branches if isinstance(branch, nn.Module))
        self._branches = tuple(branches)
        self.fusion = fusion
        self.feed_forward = feed_forward

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        valid: Bool[Tensor, "B N"],
        lengths: Int[Tensor, "B"],
        last: Int[Tensor, "B"],
        last_only: bool,
    ) -> LayerOutput:
        """Run the layer.

        Args:
            x: input.
            valid: True at real positions.
            lengths: number of real positions.
            last: index of the last real position.
            last_only: give the output at `last` alone.
        """
        inputs = LayerInputs(
            x,
            valid,
            lengths,
            last,
            last_only=last_only,
            heads=self._heads,
            projected={},
            layer_filter=self.filter,
            maps=self._maps(),
        )
        contexts = [branch(inputs) for branch in self._branches]
        return LayerOutput(self.feed_forward(self.fusion(contexts, inputs.at_wanted(x))), contexts, inputs)

    def _maps(self) -> dict[Projection, LinearMap]:
        """The map of each projection, none of them applied yet."""
        if self.project is None:
            return {}
        count = len(self._projected)
        maps = map(LinearMap, self.project.weight.chunk(count), self.project.bias.chunk(count))
        return dict(zip(self._projected, maps, strict=True))
