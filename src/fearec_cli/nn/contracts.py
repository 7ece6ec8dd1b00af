"""What the model hands to its parts, and what it asks of them. Letters of shapes: `fearec_cli.api`."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fearec_cli.nn.projections import LinearMap, Projection, Signal, Signals, merge_heads, split_heads
from fearec_cli.nn.repeats import AddedScores

View = Literal["dropout", "semantic", "positions", "branches", "spectrum"]


@runtime_checkable
class Filter(Protocol):
    """A filter along time, built by `build(options, shape: LayerShape)`; usually a `torch.nn.Module`.

    One that is linear and treats all hidden units alike may say so by an attribute `constant`, its gain of a constant
    signal; a layer then filters its input once in place of each projection where that is less work.
    """

    def __call__(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """Filter every channel of every sequence along its positions.

        Args:
            x: time-domain signal.
            lengths: real positions of each sequence; the rest of N is padding.
        """

    def response(self, n: int) -> Tensor:
        """Gain at each of the n // 2 + 1 frequencies of a sequence of n positions: [F], or [F, D]."""


@runtime_checkable
class Attention(Protocol):
    """A branch, built by `build(options, shape: LayerShape)`; a `torch.nn.Module`.

    Attributes:
        projections: which of q, k and v it reads. A layer projects, and has parameters for, only what
            one of its branches reads.
    """

    projections: frozenset[Projection]

    def __call__(self, inputs: "LayerInputs") -> Float[Tensor, "B M D"]:
        """The branch's context at the wanted positions."""


@runtime_checkable
class Fusion(Protocol):
    """A head that joins the branches, built by `build(options, shape: LayerShape, branches: int)`."""

    def __call__(self, contexts: Sequence[Float[Tensor, "B M D"]], x: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """The layer's output before its feed-forward.

        Combination, output projection, dropout, residual and normalisation are the head's own;
        `fearec_cli.api.ResidualOutput` is the usual way.

        Args:
            contexts: one a branch, in the order of `--attention`.
            x: the layer's input at the same positions.
        """


@runtime_checkable
class Loss(Protocol):
    """A term of the objective, built by `build(options)`; it has nothing to learn and nothing to save.

    Attributes:
        views: what it reads besides the anchor; the objective makes only what some term reads.
    """

    views: frozenset[View]

    def __call__(self, inputs: "LossInputs") -> Float[Tensor, ""]:
        """The term's value, averaged over the batch."""


@dataclass(frozen=True)
class LossInputs:
    """One step of training as the loss terms see it.

    Attributes:
        anchor: representation of each sequence.
        targets: row in `items` of each sequence's next item.
        items: the item table, without the padding row.
        views: further representations of the same sequences: `dropout` (a second pass through other
            dropout masks), `semantic` (another history with the same next item).
        positions: for terms that read `positions`: every position's output of the anchor (key `anchor`)
            and of each view, not only the last.
        branches: for terms that read `branches`: the context that each branch of the last layer gives. A model
            of a single branch is refused by such a term.
        spectrum: for terms that read `spectrum`: magnitude of the last layer's filtered input at each
            frequency.
        later: rows in `items` of the A items after the target, the next one first; -1 where the training part ends
            before them.
        added: what the model adds to the products of anchor and items, where model.repeats is learned; a term that does
            not take it in says so by an attribute `adds_scores` that is False or missing, and is not used then.
    """

    anchor: Float[Tensor, "B D"]
    targets: Int[Tensor, "B"]
    items: Float[Tensor, "I D"]
    views: Mapping[str, Float[Tensor, "B D"]] = field(default_factory=dict)
    positions: Mapping[str, Float[Tensor, "B N D"]] = field(default_factory=dict)
    branches: Sequence[Float[Tensor, "B D"]] = ()
    spectrum: Float[Tensor, "B F D"] | None = None
    later: Int[Tensor, "B A"] | None = None
    added: AddedScores | None = None


class LayerInputs:
    """What one layer hands to its branches.

    Results that several branches need (projections, filtered signals, the mask) are computed when first asked for
    and kept: this is what makes `ramp+autocorr` cost about as much as one attention. Where one position is
    wanted, `wanted_products` and `weighted` never project the others (`fearec_cli.nn.projections`).

    Attributes:
        x: [B, N, D] the layer's input.
        valid: [B, N] True at real positions, False at padding.
        lengths: [B] number of real positions.
        last: [B] index of the last real position.
        last_only: True when only the representation at `last` is wanted (M is 1, else M is N).
        heads: H.
    """

    def __init__(
        self,
        x: Float[Tensor, "B N D"],
        valid: Bool[Tensor, "B N"],
        lengths: Int[Tensor, "B"],
        last: Int[Tensor, "B"],
        *,
        last_only: bool,
        heads: int,
        projected: Mapping[Projection, Float[Tensor, "B N D"]],
        layer_filter: Filter,
        maps: Mapping[Projection, LinearMap] | None = None,
    ) -> None:
        self.x = x
        self.valid = valid
        self.lengths = lengths
        self.last = last
        self.last_only = last_only
        self.heads = heads
        self._signals = Signals(
            x,
            projected,
            maps or {},
            lambda signal: layer_filter(signal, lengths),
            getattr(layer_filter, "constant", None),
        )
        self._shared: dict[str, Tensor] = {}

    @property
    def q(self) -> Float[Tensor, "B N D"]:
        """Queries, heads side by side."""
        return self._signals.get("q")

    @property
    def k(self) -> Float[Tensor, "B N D"]:
        """Keys, heads side by side."""
        return self._signals.get("k")

    @property
    def v(self) -> Float[Tensor, "B N D"]:
        """Values, heads side by side."""
        return self._signals.get("v")

    def filtered(self, signal: Signal) -> Float[Tensor, "B N D"]:
        """A signal after the layer's filter."""
        return self._signals.get(signal, filtered=True)

    def wanted_products(self, filtered: Collection[Projection] = ()) -> Float[Tensor, "B H M N"]:
        """Products q k^T of the wanted positions with every position, a head at a time; not scaled, not masked.

        Args:
            filtered: which of q and k are taken after the layer's filter.
        """
        queries = self._signals.rows("q", self.at_wanted, filtered="q" in filtered)
        return self._signals.products(self.split_heads(queries), "k", filtered="k" in filtered)

    def weighted(self, weights: Float[Tensor, "B H M N"], *, filtered: bool) -> Float[Tensor, "B M D"]:
        """Sums of the values over the positions, a head at a time; H of `weights` may be 1, for all heads alike.

        Args:
            weights: of each position for each wanted one.
            filtered: take the values after the layer's filter.
        """
        return self._signals.weighted(weights, "v", filtered=filtered)

    def summed_scores(self, *, filtered: bool) -> Float[Tensor, "B N N"]:
        """Products q k^T of every pair of positions, summed over the heads.

        Args:
            filtered: take q and k after the layer's filter.
        """
        return self._once(f"summed scores {filtered}", lambda: self._signals.gram(filtered=filtered))

    def mask(self) -> Bool[Tensor, "B 1 M N"]:
        """True where a wanted position may look: at real positions that are not later than itself.

        A padding position before the first real one would see nothing: it sees itself.
        """

        def compute() -> Tensor:
            positions = torch.arange(self.x.shape[1], device=self.x.device)
            wanted = (self.last[:, None] if self.last_only else positions[None, :])[..., None]  # [B or 1, M, 1]
            allowed = (positions <= wanted) & self.valid[:, None, :]  # [B, M, N]
            blind = ~allowed.any(-1, keepdim=True)
            return (allowed | ((positions == wanted) & blind))[:, None]

        return self._once("mask", compute)

    def mask_bias(self) -> Float[Tensor, "B 1 M N"]:
        """`mask` to be added to scores: 0 where a position may look, the lowest finite number elsewhere."""
        lowest = torch.finfo(self.x.dtype).min
        return self._once("mask bias", lambda: (~self.mask()).to(self.x.dtype) * lowest)

    def distance(self) -> Int[Tensor, "*C M N"]:
        """How far back each position lies from each wanted one, below 0 for later ones: [M, N] where every position is
        wanted, else [B, 1, N]."""

        def compute() -> Tensor:
            positions = torch.arange(self.x.shape[1], device=self.x.device)
            wanted = self.last[:, None, None] if self.last_only else positions[:, None]
            return wanted - positions

        return self._once("distance", compute)

    def split_heads(self, signal: Float[Tensor, "B L D"]) -> Float[Tensor, "B H L E"]:
        """Part the hidden units among the heads."""
        return split_heads(signal, self.heads)

    def merge_heads(self, signal: Float[Tensor, "B H L E"]) -> Float[Tensor, "B L D"]:
        """Undo `split_heads`."""
        return merge_heads(signal)

    def at_wanted(self, signal: Float[Tensor, "B *axes N C"]) -> Float[Tensor, "B *axes M C"]:
        """The rows of the wanted positions, the next to last axis being positions."""
        if not self.last_only:
            return signal
        index = self.last.view(-1, *[1] * (signal.ndim - 1)).expand(*signal.shape[:-2], 1, signal.shape[-1])
        return signal.gather(-2, index)

    def _once(self, name: str, compute: Callable[[], Tensor]) -> Tensor:
        if name not in self._shared:
            self._shared[name] = compute()
        return self._shared[name]
