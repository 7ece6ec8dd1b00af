"""One layer: project q, k and v once, run the branches, fuse them, feed forward."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from fearec_cli import kernels
from fearec_cli.api import Attention, FeedForward, Filter, Fusion, LayerInputs, LayerShape, Projection
from fearec_cli.nn.blocks import layer_norm


class LayerOutput(NamedTuple):
    """What a layer gives.

    Attributes:
        x: [B, M, D] output.
        contexts: [B, M, D] of each branch, before fusion.
        inputs: what the branches worked on, for inspection.
    """

    x: Tensor
    contexts: list[Tensor]
    inputs: LayerInputs


class Layer(nn.Module):
    """Filter, attention branches, fusion and feed-forward, each built for this `shape`.

    A filter, a branch or a fusion is any callable that keeps the contract of its kind; a branch is a module.
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
        self._projected = sorted(read, key="qkv".index)
        self._heads = shape.heads
        self.norm = layer_norm(shape.dim, used=shape.norm == "pre")
        # A row of blocks, one for each projection that some branch reads; no parameters for the others.
        self.project = nn.Linear(shape.dim, shape.dim * len(read)) if read else None
        # Components are plain callables by contract; those with parameters are modules and found as such.
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
        signal = self.norm(x)
        projected = kernels.project(signal, self.project, len(self._projected)) if self.project is not None else []
        inputs = LayerInputs(
            signal,
            valid,
            lengths,
            last,
            last_only=last_only,
            heads=self._heads,
            projected=dict(zip(self._projected, projected, strict=True)),
            layer_filter=self.filter,
        )
        contexts = _in_one_type([branch(inputs) for branch in self._branches])
        return LayerOutput(self.feed_forward(self.fusion(contexts, inputs.at_requested(x))), contexts, inputs)


def _in_one_type(contexts: list[Tensor]) -> list[Tensor]:
    """Contexts in the shortest of their types: under autocast a branch without a product keeps float32."""
    shortest = min((context.dtype for context in contexts), key=lambda dtype: dtype.itemsize)
    return [context.to(shortest) for context in contexts]
