"""A real gain that all dimensions share, as one matrix over the positions: no FFT runs on a short sequence."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import LayerShape, multiply_spectrum
from fearec_cli.errors import ConfigError

# The longest sequence whose common gain is applied as one N x N matrix. On one CPU core (D = 64) forward
# and backward take 0.4 times as long as two FFTs at N = 50, 0.7 times at 128, 0.9 times at 200, 1.2 times at 256.
LONGEST_BY_MATRIX = 200
# The longest for which there is a matrix of N x N numbers for each length.
_LONGEST = 256


def fixed_gain(name: str, shape: LayerShape, gain: Callable[[int], Float[Tensor, "_"]]) -> nn.Module:
    """irfft(gain * rfft(x)) over all positions, or over the real ones of each sequence where the model says so.

    Args:
        name: of the filter, for messages.
        shape: of the layer.
        gain: at the n // 2 + 1 frequencies of n positions; not learned.

    Raises:
        ConfigError: too many positions for a gain of each length.
    """
    if shape.spectrum == "true-length":
        return GainOfLength(name, gain, shape)
    return FixedGain(gain(shape.max_length), shape.max_length)


class FixedGain(nn.Module):
    """irfft(gain * rfft(x)) with a real gain that is common to all dimensions and not learned.

    Short signals go through `circulant`, long ones through the FFT. The table is made again from the options when a
    checkpoint is loaded, so it is not stored there.

    Args:
        gain: at each frequency.
        n: N.
    """

    table: Tensor

    def __init__(self, gain: Float[Tensor, "F"], n: int) -> None:
        super().__init__()
        self.by_matrix = n <= LONGEST_BY_MATRIX
        table = circulant(gain.double(), n) if self.by_matrix else gain[:, None]
        self.register_buffer("table", table.float(), persistent=False)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"] | None = None) -> Float[Tensor, "B N D"]:
        """The filtered signal; the lengths play no part."""
        return apply_matrix(self.table, x) if self.by_matrix else multiply_spectrum(x, self.table)


class GainOfLength(nn.Module):
    """irfft(gain_n * rfft(x)) over the n real positions of each sequence, a gain for every n; 0 at padding.

    The table is made again from the options when a checkpoint is loaded.

    Args:
        name: of the filter, for messages.
        gain: the gain at the n // 2 + 1 frequencies of n positions.
        shape: of the layer.

    Raises:
        ConfigError: too many positions for its table.
    """

    table: Tensor

    def __init__(self, name: str, gain: Callable[[int], Float[Tensor, "_"]], shape: LayerShape) -> None:
        super().__init__()
        n = shape.max_length
        if n > _LONGEST:
            raise ConfigError(
                [f"model.spectrum = true-length: {name} takes {_LONGEST} positions at most, not model.max_length = {n}"]
            )
        table = torch.zeros(n + 1, n, n)
        for length in range(1, n + 1):
            own = slice(0, length) if shape.padding == "right" else slice(n - length, n)
            table[length, own, own] = circulant(gain(length).double(), length).float()
        self.register_buffer("table", table, persistent=False)

    def forward(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """The filtered signal."""
        return torch.bmm(self.table[lengths].to(x.dtype), x)


def apply_matrix(matrix: Float[Tensor, "N N"], x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
    """matrix x for every sequence: a batched product with a repeated left side takes a third of the time of `@`."""
    return torch.bmm(matrix.to(x.dtype).expand(x.shape[0], -1, -1), x)


def circulant(gain: Float[Tensor, "F"], n: int) -> Float[Tensor, "N N"]:
    """The symmetric matrix P with P x = irfft(gain * rfft(x), n=n) for one real gain of all channels.

    Its columns are shifts of the impulse response; differentiable in the gain.
    """
    lag = torch.arange(n, device=gain.device)
    impulse = (lag == 0).to(gain.dtype)[None, :, None]
    impulse_response: Tensor = multiply_spectrum(impulse, gain[:, None])[0, :, 0]
    return impulse_response[(lag[:, None] - lag[None, :]) % n]
