"""The average over all delays, weighted by the power spectrum."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_plugins.attentions import autocorr_softmax
from support import tiny


def attention(n, **options):
    return tiny.part("attention", "autocorr-softmax", tiny.layer_shape(max_length=n), **options)


def inputs(n, **options):
    return tiny.layer_inputs(tiny.layer_shape(max_length=n), lengths=[n, 4, 1], **options)


@given(n=st.integers(4, 40), seed=st.integers(0, 2**32 - 1), temperature=st.floats(0.01, 10))
def test_weights_sum_to_one_and_delay_zero_has_the_largest(n, seed, temperature):
    weights = attention(n, temperature=temperature).weights(inputs(n, seed=seed))
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert (weights >= 0).all()
    assert (weights[:, 0] >= weights.amax(1) - 1e-6).all()


@pytest.mark.parametrize("n", [5, 6])
def test_weights_are_the_softmax_of_the_mean_products_at_each_delay(n):
    here = inputs(n)
    by_hand = torch.stack([(here.x.roll(-tau, dims=1) * here.x).mean((1, 2)) for tau in range(n)], dim=1)
    torch.testing.assert_close(attention(n, temperature=0.5).weights(here), (by_hand / 0.5).softmax(1))


@pytest.mark.parametrize(("n", "period"), [(12, 3), (12, 4), (20, 5), (96, 8)])
def test_a_periodic_signal_peaks_at_multiples_of_its_period(n, period):
    pattern = torch.randn(3, period, 8, generator=torch.Generator().manual_seed(0))
    weights = attention(n).weights(inputs(n, x=pattern.repeat(1, n // period, 1)))
    multiples = torch.arange(0, n, period)
    others = [tau for tau in range(n) if tau % period]
    torch.testing.assert_close(weights[:, multiples], weights[:, :1].expand(-1, len(multiples)))
    assert (weights[:, :1] > 1.5 * weights[:, others]).all()


@pytest.mark.parametrize("last_only", [False, True])
def test_the_output_is_the_weighted_sum_of_rolled_values(last_only):
    part, here = attention(11), inputs(11, last_only=last_only)
    weights = part.weights(here)
    rolled = sum(weights[:, tau, None, None] * here.v.roll(-tau, dims=1) for tau in range(11))
    torch.testing.assert_close(part(here), here.at_requested(rolled))


@pytest.mark.parametrize("n", [10, 11])
@pytest.mark.parametrize("last_only", [False, True])
def test_the_route_by_scores_equals_the_route_by_fft(n, last_only, monkeypatch):
    here = inputs(n, last_only=last_only)
    by_scores = attention(n)(here)
    monkeypatch.setattr(autocorr_softmax, "LONGEST_BY_SCORES", n - 1)
    part = attention(n)
    assert not part.by_scores
    torch.testing.assert_close(part(here), by_scores, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("temperature", "largest"), [(1e-3, 1.0), (100.0, 0.1)])
def test_the_temperature_goes_from_one_delay_to_all(temperature, largest):
    weights = attention(10, temperature=temperature).weights(inputs(10))
    assert weights.amax(1).tolist() == pytest.approx([largest] * 3, rel=0.05)


def test_it_filters_the_input_before_the_spectrum():
    shape = tiny.layer_shape()
    window = tiny.part("filter", "window", shape)
    here = tiny.layer_inputs(shape, layer_filter=window)
    filtered_before = tiny.layer_inputs(shape, x=window(here.x, here.lengths))
    torch.testing.assert_close(attention(10).weights(here), attention(10).weights(filtered_before))
