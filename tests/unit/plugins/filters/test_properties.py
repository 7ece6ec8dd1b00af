"""What filters have in common: they are linear; a circular one commutes with shifts, and its response is its gain."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fearec_cli.components.registry import load_components
from support import tiny

NAMES = [entry.name for entry in load_components().of_kind("filter") if entry.package == "fearec"]
# Filters whose gains do not follow the signal.
LINEAR = [name for name in NAMES if name not in ("adaptive-wavelet", "band-gate")]
# Filters with one response at every position; one that reads its past alone wraps nothing round.
CIRCULAR = [name for name in LINEAR if name not in ("causal-ramp", "causal-window", "position-fir", "shared-fir")]
every_filter = pytest.mark.parametrize("name", NAMES)
every_linear_filter = pytest.mark.parametrize("name", LINEAR)
lengths = st.integers(6, 33)
every_circular_filter = pytest.mark.parametrize("name", CIRCULAR)
seeds = st.integers(0, 2**32 - 1)


def random(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def built(name, n, **options):
    torch.manual_seed(0)
    part = tiny.part("filter", name, tiny.layer_shape(max_length=n), **options)
    return part.double() if isinstance(part, nn.Module) else part


def apply(part, x):
    return part(x, torch.full((len(x),), x.shape[1]))


@every_linear_filter
@given(n=lengths, seed=seeds, scale=st.floats(-3, 3))
def test_it_is_linear(name, n, seed, scale):
    part = built(name, n)
    x, y = random(2, 1, n, 8, seed=seed)
    torch.testing.assert_close(apply(part, x + scale * y), apply(part, x) + scale * apply(part, y))


@every_circular_filter
@given(n=lengths, seed=seeds, shift=st.integers(1, 32))
def test_it_commutes_with_circular_shifts(name, n, seed, shift):
    part = built(name, n)
    x = random(2, n, 8, seed=seed)
    torch.testing.assert_close(apply(part, x.roll(shift, dims=1)), apply(part, x).roll(shift, dims=1))


@every_circular_filter
@pytest.mark.parametrize("n", [6, 7, 10, 15])
def test_its_response_is_the_gain_of_every_frequency(name, n):
    part = built(name, n)
    x = random(3, n, 8)
    gain = (torch.fft.rfft(apply(part, x), dim=1).abs() / torch.fft.rfft(x, dim=1).abs()).mean(0)
    response = part.response(n).double()
    torch.testing.assert_close(gain, response.expand(8, -1).T if response.ndim == 1 else response, atol=1e-6, rtol=0)


@every_filter
@pytest.mark.parametrize("n", [10, 11])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_signal_of_lower_precision_keeps_its_type(name, n, dtype):
    part = built(name, n)
    x = random(2, n, 8)
    out = apply(part, x.to(dtype))
    assert out.dtype == dtype
    torch.testing.assert_close(out.double(), apply(part, x), atol=0.1 if dtype == torch.bfloat16 else 1e-5, rtol=0.02)


@every_linear_filter
def test_channels_do_not_mix(name):
    part = built(name, 10)
    x = random(1, 10, 8)
    other = x.clone()
    other[..., 3] += random(10, seed=1)
    moved = (apply(part, other) - apply(part, x)).abs().amax((0, 1))
    assert moved[3] > 1e-4
    assert moved[[0, 1, 2, 4, 5, 6, 7]].max() < 1e-12
