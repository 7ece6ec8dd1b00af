"""The two penalties on a sequence's spectrum."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.api import LossInputs
from support import tiny

PENALTIES = ["sparse-spectrum", "smooth-spectrum"]


def inputs_with(spectrum):
    size, _, dim = spectrum.shape
    targets = torch.zeros(size, dtype=torch.int64)
    return LossInputs(torch.zeros(size, dim), targets, torch.zeros(4, dim), spectrum=spectrum)


def spectrum_of(signal):
    """As the encoder gives it: magnitude of the orthonormal rFFT along positions."""
    return torch.fft.rfft(signal, dim=1, norm="ortho").abs()


def random_spectrum(batch=3, bins=5, dim=2):
    return torch.rand(batch, bins, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_sparsity_is_the_mean_magnitude():
    spectrum = random_spectrum()
    expected = sum(spectrum.flatten().tolist()) / 30
    assert tiny.part("loss", "sparse-spectrum")(inputs_with(spectrum)).item() == pytest.approx(expected)


def test_smoothness_is_the_mean_squared_step_between_neighbouring_bins():
    spectrum = random_spectrum()
    total = 0.0
    for sequence in spectrum.tolist():
        for low, high in itertools.pairwise(sequence):
            total += sum((b - a) ** 2 for a, b in zip(low, high, strict=True))
    assert tiny.part("loss", "smooth-spectrum")(inputs_with(spectrum)).item() == pytest.approx(total / (3 * 4 * 2))


@pytest.mark.parametrize("name", PENALTIES)
def test_silence_costs_nothing_and_has_a_finite_gradient(name):
    """|z| has no derivative at 0: a subgradient is needed there, not NaN."""
    signal = torch.zeros(2, 8, 3, requires_grad=True)
    value = tiny.part("loss", name)(inputs_with(spectrum_of(signal)))
    value.backward()
    assert value.item() == 0
    assert signal.grad is not None
    assert torch.equal(signal.grad, torch.zeros(2, 8, 3))


@pytest.mark.parametrize("n", [2, 7, 8])
def test_a_flat_spectrum_is_smooth(n):
    """The spectrum of an impulse is flat."""
    impulse = torch.zeros(1, n, 2, dtype=torch.float64)
    impulse[:, 1] = 3.0
    assert tiny.part("loss", "smooth-spectrum")(inputs_with(spectrum_of(impulse))).item() == pytest.approx(0, abs=1e-20)


def test_a_pure_tone_is_sparser_than_an_impulse_of_the_same_energy():
    tone = torch.tensor([math.cos(2 * math.pi * 3 * t / 16) for t in range(16)], dtype=torch.float64)
    impulse = torch.zeros(16, dtype=torch.float64)
    impulse[0] = tone.norm()
    sparse, smooth = (tiny.part("loss", name) for name in PENALTIES)
    of_tone, of_impulse = (inputs_with(spectrum_of(signal[None, :, None])) for signal in (tone, impulse))
    assert sparse(of_tone) < sparse(of_impulse)
    assert smooth(of_tone) > smooth(of_impulse)


@given(st.integers(0, 8), st.sampled_from(PENALTIES))
def test_a_circular_shift_in_time_changes_nothing(shift, name):
    signal = torch.randn(2, 9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    term = tiny.part("loss", name)
    expected = term(inputs_with(spectrum_of(signal))).item()
    assert term(inputs_with(spectrum_of(signal.roll(shift, dims=1)))).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", PENALTIES)
def test_the_spectrum_is_the_view_that_is_read(name):
    assert tiny.part("loss", name).views == {"spectrum"}
