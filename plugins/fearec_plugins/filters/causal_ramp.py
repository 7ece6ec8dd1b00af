"""A learnable ramp over the spectrum that never looks ahead."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerShape, Options
from fearec_cli.errors import ConfigError
from fearec_plugins.filters._spectrum import at_length
from fearec_plugins.filters._triangular import apply_rows, rows_of
from fearec_plugins.filters.learnable_ramp import RampShape, initial_ramp

# The matrix is linear in the gain: a table of N x N x F numbers.
_LONGEST = 256


class CausalRampOptions(Options):
    """Start of the gain."""

    shape: RampShape = Field(
        "linear", description="how the gain falls at the start, from 1 at frequency 0 to the floor"
    )
    floor: float = Field(0.1, gt=0, le=1, description="the gain at the highest frequency at the start")


class CausalRamp(nn.Module):
    """y[t] = sum over s <= t of h_{t+1}[t - s] x[s], h_n the impulse response of one learned gain [F], read at the
    frequencies of n positions.

    Args:
        options: start of the gain.
        shape: the layer's place.

    Raises:
        ConfigError: too many positions for its table.
    """

    basis: Tensor

    def __init__(self, options: CausalRampOptions, shape: LayerShape) -> None:
        super().__init__()
        n = self.n = shape.max_length
        if n > _LONGEST:
            raise ConfigError([f"causal-ramp: takes {_LONGEST} positions at most, not model.max_length = {n}"])
        bins = n // 2 + 1
        self.gain = nn.Parameter(initial_ramp(bins, options.shape, options.floor))
        unit = torch.eye(bins, dtype=torch.float64)
        basis = [rows_of([at_length(row, n, length) for length in range(1, n + 1)]) for row in unit]
        self.register_buffer("basis", torch.stack(basis, 2).float(), persistent=False)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The filtered past of each position."""
        length = x.shape[1]
        return apply_rows(self.basis[:length, :length] @ self.gain, x)

    def response(self, n: int) -> Float[Tensor, "F"]:
        """The gain at the frequencies of n positions."""
        return at_length(self.gain.detach(), self.n, n)


COMPONENT = Component(
    name="causal-ramp",
    options=CausalRampOptions,
    build=CausalRamp,
    summary="Learnable gain over the spectrum, each position filtered in the length of its own history.",
    source="the survey's description of FEARec (docs/method.md, section 2), in a causal form of this project",
    causal=True,
)
