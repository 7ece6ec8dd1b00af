"""The signals of one layer: each is projected and filtered when it is first needed, and kept.

On a CPU a map is not applied before its signal is needed at every position, and a filter that treats all
dimensions alike goes past it: one filtering of the layer's input instead of one of each projection
(`fearec_cli.kernels.last_position`).
"""

from collections.abc import Callable, Mapping
from typing import Literal

from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.kernels import every
from fearec_cli.kernels.last_position import Projected, Unprojected


class Signals:
    """A layer's input x and its projections q, k and v, as they are and after the layer's filter.

    Args:
        x: the layer's input.
        projected: by name.
        layer_filter: called with a signal and `lengths`; one that is linear and treats all dimensions alike may have
            an attribute `constant`, its gain of a constant signal.
        lengths: real positions of each sequence.
        last_only: one position of the layer is requested.
    """

    def __init__(
        self,
        x: Float[Tensor, "B N D"],
        projected: Mapping[Literal["q", "k", "v"], Projected],
        layer_filter: Callable[[Tensor, Tensor], Tensor],
        lengths: Int[Tensor, "B"],
        *,
        last_only: bool,
    ) -> None:
        self._signals: dict[str, Projected] = {"x": x, **{str(name): signal for name, signal in projected.items()}}
        self._filtered: dict[str, Projected] = {}
        self._filter = layer_filter
        self._lengths = lengths
        self._last_only = last_only

    def lazy(self, name: str, *, filtered: bool) -> Projected:
        """A signal, or the map that gives it.

        Raises:
            KeyError: the layer does not have it.
        """
        if not filtered:
            return self._signals[name]
        if name not in self._filtered:
            signal, constant = self._signals[name], getattr(self._filter, "constant", None)
            if isinstance(signal, Unprojected) and constant is not None:  # the filter goes past the map
                self._filtered[name] = signal._replace(base=self.every("x", filtered=True), gain=constant)
            else:
                self._filtered[name] = self._filter(self.every(name), self._lengths)
        return self._filtered[name]

    def in_products(self, name: str, *, filtered: bool) -> Projected:
        """A signal that is needed inside products alone: not projected where one position is requested."""
        return self.lazy(name, filtered=filtered) if self._last_only else self.every(name, filtered=filtered)

    def every(self, name: str, *, filtered: bool = False) -> Float[Tensor, "B N D"]:
        """A signal at every position.

        Raises:
            KeyError: the layer does not have it.
        """
        signal = self.lazy(name, filtered=filtered)
        (self._filtered if filtered else self._signals)[name] = whole = every(signal)
        return whole


def rows(signal: Projected, pick: Callable[[Tensor], Tensor]) -> Float[Tensor, "B M D"]:
    """The rows of a signal that `pick` takes from [B, N, D]."""
    return signal.rows(pick(signal.base)) if isinstance(signal, Unprojected) else pick(signal)
