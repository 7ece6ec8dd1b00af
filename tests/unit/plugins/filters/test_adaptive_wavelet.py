"""What WEARec's filter and FICLRec's gate answer to single frequencies."""

import math

import pytest
import torch

from support import tiny

LENGTHS = torch.tensor([10])


def wave(frequency: int) -> torch.Tensor:
    """A cosine of so many periods in ten positions, in every dimension."""
    one = torch.cos(2 * math.pi * frequency * torch.arange(10) / 10)
    return one[None, :, None].expand(1, 10, 8)


@pytest.mark.parametrize("frequency", range(6))
def test_the_wavelets_response_is_its_gain_over_both_parities(frequency: int) -> None:
    part = tiny.part("filter", "adaptive-wavelet", tiny.layer_shape(), alpha=0.0)
    torch.nn.init.constant_(part.details, 0.3)
    x = wave(frequency)
    both = (part(x, LENGTHS) + part(x.roll(1, 1), LENGTHS).roll(-1, 1)) / 2
    gain = torch.fft.rfft(both, dim=1)[0, frequency].abs() / torch.fft.rfft(x, dim=1)[0, frequency].abs()
    torch.testing.assert_close(gain, part.response(10)[frequency], atol=1e-5, rtol=0)


def test_gains_and_offsets_follow_the_sequences_mean() -> None:
    part = tiny.part("filter", "adaptive-wavelet", tiny.layer_shape(), alpha=1.0)
    torch.nn.init.zeros_(part.bias)
    x = wave(2)
    same = part(x + 1, LENGTHS) - part(x, LENGTHS)
    assert same.std(1).max() > 1e-3  # a constant more is more than a constant more
    torch.nn.init.zeros_(part.modulate.weight)
    torch.nn.init.zeros_(part.modulate.bias)
    torch.testing.assert_close(part(x, LENGTHS), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("frequency", "gain"), [(0, 0.9), (2, 0.9), (3, 0.1), (5, 0.1)])
def test_a_gate_of_biases_alone_has_its_response(frequency: int, gain: float) -> None:
    part = tiny.part("filter", "band-gate", tiny.layer_shape(), cutoff=3)
    for linear in (part.of_low, part.of_high):
        torch.nn.init.zeros_(linear.weight)
        torch.nn.init.constant_(linear.bias, math.log(9) / 2)
    torch.testing.assert_close(part(wave(frequency), LENGTHS), gain * wave(frequency), atol=1e-5, rtol=0)
    torch.testing.assert_close(part.response(10)[frequency], torch.full((8,), gain))
