"""What one layer hands to its branches."""

from collections.abc import Callable, Collection, Mapping
from typing import Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor

from fearec_cli import kernels
from fearec_cli.kernels.last_position import Projected
from fearec_cli.kernels.plain import visible
from fearec_cli.kernels.signals import Signals, rows
from fearec_cli.nn.renamed import RenamedLayerInputs

Projection = Literal["q", "k", "v"]


class LayerInputs(RenamedLayerInputs):
    """The signals of one layer, each computed when a branch first needs it, and kept for the others.

    This is what makes `ramp+autocorr` cost about as much as one attention.

    Attributes:
        x: [B, N, D] the layer's input.
        valid: [B, N] True at real positions, False at padding.
        lengths: [B] number of real positions.
        last: [B] index of the last real position.
        last_only: True when only the representation at `last` is requested (M is 1, else M is N).
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
        projected: Mapping[Projection, Projected],
        layer_filter: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        self.x, self.valid, self.lengths, self.last = x, valid, lengths, last
        self.last_only, self.heads = last_only, heads
        self._signals = Signals(x, projected, layer_filter, lengths, last_only=last_only)
        self._summed_scores: dict[bool, Tensor] = {}

    @property
    def q(self) -> Float[Tensor, "B N D"]:
        """Queries, heads side by side; so are keys `k` and values `v`."""
        return self._signals.every("q")

    @property
    def k(self) -> Float[Tensor, "B N D"]:
        """Keys."""
        return self._signals.every("k")

    @property
    def v(self) -> Float[Tensor, "B N D"]:
        """Values."""
        return self._signals.every("v")

    def filtered(self, signal: Literal["x", "q", "k", "v"]) -> Float[Tensor, "B N D"]:
        """A signal after the layer's filter."""
        return self._signals.every(signal, filtered=True)

    def qkv(self, filtered: Collection[Projection] = ()) -> tuple[Float[Tensor, "B M D"], Projected, Projected]:
        """Queries at the requested positions, keys and values at all, for `kernels.attention`.

        Args:
            filtered: which of them are taken after the layer's filter.
        """
        q, k, v = (self._signals.in_products(name, filtered=name in filtered) for name in ("q", "k", "v"))
        return rows(q, self.at_requested), k, v

    def weighted(self, weights: Float[Tensor, "B H M N"], *, filtered: bool) -> Float[Tensor, "B M D"]:
        """Sums of the values, filtered or not, over the positions; H of `weights` may be 1, for all heads alike."""
        return kernels.weighted(weights, self._signals.in_products("v", filtered=filtered))

    def summed_scores(self, *, filtered: bool) -> Float[Tensor, "B N N"]:
        """Products q k^T of every pair of positions, q and k filtered or not, summed over the heads."""
        if filtered not in self._summed_scores:
            q, k = (self._signals.lazy(name, filtered=filtered) for name in ("q", "k"))
            self._summed_scores[filtered] = kernels.row_products(q, k)
        return self._summed_scores[filtered]

    def mask(self) -> Bool[Tensor, "B 1 M N"]:
        """True where a requested position may attend: at real ones that are not later; with none of them at itself."""
        return visible(self.valid, self.last if self.last_only else None)

    def at_requested(self, signal: Float[Tensor, "B *axes N C"]) -> Float[Tensor, "B *axes M C"]:
        """The rows of the requested positions, the next to last axis being positions."""
        if not self.last_only:
            return signal
        index = self.last.view(-1, *[1] * (signal.ndim - 1)).expand(*signal.shape[:-2], 1, signal.shape[-1])
        return signal.gather(-2, index)
