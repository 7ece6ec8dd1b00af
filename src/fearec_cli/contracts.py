"""What the model hands to its parts, and what it asks of them. Letters of shapes: `fearec_cli.api`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Projection = Literal["q", "k", "v"]
View = Literal["dropout", "semantic", "positions", "branches", "spectrum"]


@runtime_checkable
class Filter(Protocol):
    """A filter along time, built by `build(options, shape: LayerShape)`; usually a `torch.nn.Module`."""

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
    """

    anchor: Float[Tensor, "B D"]
    targets: Int[Tensor, "B"]
    items: Float[Tensor, "I D"]
    views: Mapping[str, Float[Tensor, "B D"]] = field(default_factory=dict)
    positions: Mapping[str, Float[Tensor, "B N D"]] = field(default_factory=dict)
    branches: Sequence[Float[Tensor, "B D"]] = ()
    spectrum: Float[Tensor, "B F D"] | None = None


class LayerInputs:
    """What one layer hands to its branches.

    Results that several branches need (filtered signals, score matrices, the mask) are computed when
    first asked for and kept: this is what makes `ramp+autocorr` cost about as much as one attention.

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
    ) -> None:
        self.x = x
        self.valid = valid
        self.lengths = lengths
        self.last = last
        self.last_only = last_only
        self.heads = heads
        self._signals: dict[str, Tensor] = {"x": x, **{str(name): signal for name, signal in projected.items()}}
        self._filter = layer_filter
        self._shared: dict[str, Tensor] = {}

    @property
    def q(self) -> Float[Tensor, "B N D"]:
        """Queries, heads side by side."""
        return self._signals["q"]

    @property
    def k(self) -> Float[Tensor, "B N D"]:
        """Keys, heads side by side."""
        return self._signals["k"]

    @property
    def v(self) -> Float[Tensor, "B N D"]:
        """Values, heads side by side."""
        return self._signals["v"]

    def filtered(self, signal: Literal["x", "q", "k", "v"]) -> Float[Tensor, "B N D"]:
        """A signal after the layer's filter."""
        return self._once(f"filtered {signal}", lambda: self._filter(self._signals[signal], self.lengths))

    def scores(self, *, filtered: bool) -> Float[Tensor, "B H N N"]:
        """Products q k^T of every pair of positions, a head at a time; not scaled, not masked.

        Args:
            filtered: take q and k after the layer's filter.
        """

        def compute() -> Tensor:
            q, k = (self.filtered("q"), self.filtered("k")) if filtered else (self.q, self.k)
            return self.split_heads(q) @ self.split_heads(k).transpose(-1, -2)

        return self._once(_scores(filtered), compute)

    def summed_scores(self, *, filtered: bool) -> Float[Tensor, "B N N"]:
        """`scores`, summed over the heads: a single product over all hidden units, unless `scores` are there already.

        Args:
            filtered: take q and k after the layer's filter.
        """

        def compute() -> Tensor:
            if _scores(filtered) in self._shared:
                return self.scores(filtered=filtered).sum(1)
            q, k = (self.filtered("q"), self.filtered("k")) if filtered else (self.q, self.k)
            return q @ k.transpose(-1, -2)

        return self._once(f"summed {_scores(filtered)}", compute)

    def wanted_scores(self, *, filtered: bool) -> Float[Tensor, "B H M N"]:
        """The rows of `scores` at the wanted positions, without the other rows where only one is wanted."""
        if not self.last_only:
            return self.scores(filtered=filtered)
        q, k = (self.filtered("q"), self.filtered("k")) if filtered else (self.q, self.k)
        return self.split_heads(self.at_wanted(q)) @ self.split_heads(k).transpose(-1, -2)

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

    def split_heads(self, signal: Float[Tensor, "B L D"]) -> Float[Tensor, "B H L E"]:
        """Part the hidden units among the heads."""
        return signal.view(*signal.shape[:-1], self.heads, -1).transpose(1, 2)

    def merge_heads(self, signal: Float[Tensor, "B H L E"]) -> Float[Tensor, "B L D"]:
        """Undo `split_heads`."""
        return signal.transpose(1, 2).flatten(-2)

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


def _scores(filtered: bool) -> str:
    """The name that scores are kept under."""
    return "filtered scores" if filtered else "scores"
