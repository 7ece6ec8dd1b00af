"""What one layer hands to its branches."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor

from fearec_cli import kernels
from fearec_cli.kernels.last_position import Projected, Unprojected
from fearec_cli.kernels.plain import visible

if TYPE_CHECKING:
    from fearec_cli.nn.contracts import Filter

Projection = Literal["q", "k", "v"]
Signal = Literal["x", "q", "k", "v"]


class LayerInputs:
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
        layer_filter: "Filter",
    ) -> None:
        self.x = x
        self.valid = valid
        self.lengths = lengths
        self.last = last
        self.last_only = last_only
        self.heads = heads
        self._filter = layer_filter
        self._signals: dict[str, Projected] = {"x": x, **{str(name): signal for name, signal in projected.items()}}
        self._filtered: dict[str, Projected] = {}
        self._summed_scores: dict[bool, Tensor] = {}

    @property
    def q(self) -> Float[Tensor, "B N D"]:
        """Queries, heads side by side."""
        return self._whole("q")

    @property
    def k(self) -> Float[Tensor, "B N D"]:
        """Keys, heads side by side."""
        return self._whole("k")

    @property
    def v(self) -> Float[Tensor, "B N D"]:
        """Values, heads side by side."""
        return self._whole("v")

    def filtered(self, signal: Signal) -> Float[Tensor, "B N D"]:
        """A signal after the layer's filter."""
        return self._whole(signal, filtered=True)

    def qkv(self, filtered: Collection[Projection] = ()) -> tuple[Float[Tensor, "B M D"], Projected, Projected]:
        """Queries at the requested positions, keys and values at all, for `kernels.attention`.

        Args:
            filtered: which of them are taken after the layer's filter.
        """
        q, k, v = (self._for_products(name, filtered=name in filtered) for name in ("q", "k", "v"))
        queries = q.rows(self.at_wanted(q.base)) if isinstance(q, Unprojected) else self.at_wanted(q)
        return queries, k, v

    def weighted(self, weights: Float[Tensor, "B H M N"], *, filtered: bool) -> Float[Tensor, "B M D"]:
        """Sums of the values over the positions, a head at a time; H of `weights` may be 1, for all heads alike.

        Args:
            weights: of each position for each requested one.
            filtered: take the values after the layer's filter.
        """
        return kernels.weighted(weights, self._for_products("v", filtered=filtered))

    def summed_scores(self, *, filtered: bool) -> Float[Tensor, "B N N"]:
        """Products q k^T of every pair of positions, summed over the heads.

        Args:
            filtered: take q and k after the layer's filter.
        """
        if filtered not in self._summed_scores:
            q, k = (self._signal(name, filtered=filtered) for name in ("q", "k"))
            self._summed_scores[filtered] = kernels.row_products(q, k)
        return self._summed_scores[filtered]

    def mask(self) -> Bool[Tensor, "B 1 M N"]:
        """True where a requested position may attend: at real positions that are not later than itself.

        A padding position before the first real one would attend to nothing: it attends to itself.
        """
        return visible(self.valid, self.last if self.last_only else None)

    def at_wanted(self, signal: Float[Tensor, "B *axes N C"]) -> Float[Tensor, "B *axes M C"]:
        """The rows of the requested positions, the next to last axis being positions."""
        if not self.last_only:
            return signal
        index = self.last.view(-1, *[1] * (signal.ndim - 1)).expand(*signal.shape[:-2], 1, signal.shape[-1])
        return signal.gather(-2, index)

    def _for_products(self, name: Projection, *, filtered: bool) -> Projected:
        """A signal that is needed inside products alone: not projected where one position is requested."""
        return self._signal(name, filtered=filtered) if self.last_only else self._whole(name, filtered=filtered)

    def _whole(self, name: Signal, *, filtered: bool = False) -> Float[Tensor, "B N D"]:
        """A signal at every position.

        Raises:
            KeyError: it is not a projection of this layer.
        """
        signal = self._signal(name, filtered=filtered)
        (self._filtered if filtered else self._signals)[name] = whole = kernels.every(signal)
        return whole

    def _signal(self, name: Signal, *, filtered: bool) -> Projected:
        if not filtered:
            return self._signals[name]
        if name not in self._filtered:
            signal, constant = self._signals[name], getattr(self._filter, "constant", None)
            if isinstance(signal, Unprojected) and constant is not None:  # the filter goes past the map
                self._filtered[name] = signal._replace(base=self.filtered("x"), gain=constant)
            else:
                self._filtered[name] = self._filter(self._whole(name), self.lengths)
        return self._filtered[name]
