"""The ramp of frequency windows, without looking ahead."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, LayerShape
from fearec_plugins.filters._triangular import apply_rows, rows_of
from fearec_plugins.filters.window import WindowOptions, nearest_window


class CausalWindowFilter(nn.Module):
    """y[t] is what the filter `window` of t + 1 positions gives at its last one, for the history up to t.

    A length whose window holds no frequency keeps the nearest one. The matrix is made again from the options when a
    checkpoint is loaded.

    Args:
        options: width and rule of the windows.
        shape: the layer's place.
    """

    table: Tensor

    def __init__(self, options: WindowOptions, shape: LayerShape) -> None:
        super().__init__()
        self._options, self._shape = options, shape
        responses = [self.response(n).double() for n in range(1, shape.max_length + 1)]
        self.register_buffer("table", rows_of(responses).float(), persistent=False)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The filtered past of each position."""
        return apply_rows(self.table, x)

    def response(self, n: int) -> Float[Tensor, "F"]:
        """One at the kept bins of n positions, zero at the others."""
        return nearest_window(n, self._shape, self._options)


COMPONENT = Component(
    name="causal-window",
    options=WindowOptions,
    build=CausalWindowFilter,
    summary="Ramp of frequency windows, each position filtered by the window of its own history.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.2, in a causal form of this project",
    causal=True,
)
