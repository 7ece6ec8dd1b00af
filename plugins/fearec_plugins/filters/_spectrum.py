"""What the filters share: their way through the spectrum, and a learned gain at another length."""

import torch
from jaxtyping import Complex, Float, Num
from torch import Tensor, nn

from fearec_cli.api import at_least_float32, irfft, rfft

# The longest sequence whose common gain is applied as one N x N matrix. On one CPU core (D = 64) forward
# and backward take 0.4 times as long as two FFTs at N = 50, 0.7 times at 128, 0.9 times at 200, 1.2 times at 256.
LONGEST_BY_MATRIX = 200


class FixedGain(nn.Module):
    """irfft(gain * rfft(x)) with a gain that is common to all channels and not learned.

    A short signal is multiplied by the gain's circulant matrix, and no FFT runs; a long one goes through the FFT.
    The table is made again from the options when a checkpoint is loaded, so it is not stored there.

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

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """The filtered signal."""
        if not self.by_matrix:
            return multiply_spectrum(x, self.table)
        # A batched product with a repeated left side: three times faster on a CPU than `matrix @ x`.
        return torch.bmm(self.table.to(x.dtype).expand(len(x), -1, -1), x)


def multiply_spectrum(x: Float[Tensor, "B N D"], weight: Num[Tensor, "F C"]) -> Float[Tensor, "B N D"]:
    """irfft(weight * rfft(x), n=N) along the positions; weight real or complex, C is D or 1.

    The two transforms scale in opposite ways, so every `norm` gives the same, "ortho" of the papers' codes too.
    """
    filtered: Tensor = irfft(rfft(x) * weight, x.shape[1], x.dtype)
    return filtered


def circulant(gain: Float[Tensor, "F"], n: int) -> Float[Tensor, "N N"]:
    """The symmetric matrix P with P x = irfft(gain * rfft(x), n=n) for one real gain of all channels.

    Its columns are shifts of the impulse response; differentiable in the gain.
    """
    impulse_response: Tensor = torch.fft.irfft(at_least_float32(gain), n=n)
    lag = torch.arange(n, device=gain.device)
    return impulse_response[(lag[:, None] - lag[None, :]) % n]


def magnitude(weight: Complex[Tensor, "F D"], n: int) -> Float[Tensor, "F D"]:
    """Gain of complex weights: |w|, and |Re w| at bin 0 and, where n is even, n / 2, whose output is real."""
    gain = weight.abs()
    gain[0] = weight[0].real.abs()
    if n % 2 == 0:
        gain[-1] = weight[-1].real.abs()
    return gain


def at_length(gain: Float[Tensor, "F *C"], learned: int, n: int) -> Float[Tensor, "G *C"]:
    """A gain learned at the bins b / `learned`, read at the bins b / n (cycles a position) of another length.

    Linear in between; the highest learned frequency stands for those above it.
    """
    place = (torch.arange(n // 2 + 1, device=gain.device) * (learned / n)).clamp(max=len(gain) - 1)
    low = place.floor().long()
    high = (low + 1).clamp(max=len(gain) - 1)
    share = (place - low).to(gain.dtype).view(-1, *[1] * (gain.ndim - 1))
    return gain[low] * (1 - share) + gain[high] * share
