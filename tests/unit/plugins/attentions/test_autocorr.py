"""Auto-correlation: periods found, delays kept, and three routes to the same output."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_plugins._kernels import correlation
from fearec_plugins.attentions import autocorr
from support import tiny


def attention(n, *, by_scores=True, monkeypatch=None, **options):
    """The branch, by the score matrix, or by FFT and gather as for long sequences."""
    if not by_scores:
        monkeypatch.setattr(autocorr, "LONGEST_BY_SCORES", n - 1)
    built = tiny.part("attention", "autocorr", tiny.layer_shape(max_length=n), **options)
    assert built.by_scores is by_scores
    return built


@given(st.integers(2, 7), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_a_periodic_sequence_correlates_most_at_multiples_of_its_period(period, repeats, seed):
    generator = torch.Generator().manual_seed(seed)
    pattern = torch.randn(1, period, 4, dtype=torch.float64, generator=generator)
    signal = pattern.repeat(1, repeats, 1)
    correlation = autocorr.correlation_by_fft(signal, signal)[0]
    assert (correlation[1:].argmax().item() + 1) % period == 0


def test_the_kept_delays_of_a_periodic_sequence_are_its_periods():
    n, period = 20, 5
    pattern = torch.randn(3, period, 8, generator=torch.Generator().manual_seed(0))
    signal = pattern.repeat(1, n // period, 1)
    branch = attention(n)
    inputs = tiny.layer_inputs(tiny.layer_shape(max_length=n), q=signal, k=signal)
    delays, weights = branch.delays(inputs)
    assert branch.kept == math.floor(math.log(n)) == 2
    assert (delays % period == 0).all()
    torch.testing.assert_close(weights, torch.full_like(weights, 0.5), atol=1e-3, rtol=0)


def test_the_weights_are_the_softmax_of_the_mean_correlation_of_channels():
    inputs = tiny.layer_inputs(tiny.layer_shape())
    delays, weights = attention(10).delays(inputs)
    correlation = autocorr.correlation_by_fft(inputs.q, inputs.k) / 8
    best = correlation.sort(dim=1, descending=True)
    assert delays.tolist() == best.indices[:, :2].tolist()
    torch.testing.assert_close(weights, best.values[:, :2].softmax(1))


@pytest.mark.parametrize(("n", "top_k", "kept"), [(50, 1.0, 3), (50, 0.1, 1), (50, 2.0, 7), (2, 1.0, 1), (3, 100.0, 3)])
def test_the_number_of_delays_is_the_floor_of_top_k_ln_n(n, top_k, kept):
    branch = attention(n, top_k=top_k)
    delays, _ = branch.delays(tiny.layer_inputs(tiny.layer_shape(max_length=n)))
    assert delays.shape == (3, kept)
    assert all(len(set(row)) == kept for row in delays.tolist())


def test_the_output_averages_rolled_values():
    inputs = tiny.layer_inputs(tiny.layer_shape())
    branch = attention(10)
    delays, weights = branch.delays(inputs)
    output = branch(inputs)
    for b in range(3):
        rolled = [w * inputs.v[b].roll(-int(tau), 0) for w, tau in zip(weights[b], delays[b], strict=True)]
        torch.testing.assert_close(output[b], sum(rolled))


def test_values_are_not_filtered_and_queries_and_keys_are():
    shape = tiny.layer_shape()
    window = tiny.part("filter", "window", shape)
    plain = tiny.layer_inputs(shape)
    filtered = [window(signal, plain.lengths) for signal in (plain.q, plain.k)]
    expected = attention(10)(tiny.layer_inputs(shape, q=filtered[0], k=filtered[1]))
    torch.testing.assert_close(attention(10)(tiny.layer_inputs(shape, layer_filter=window)), expected)


@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("n", [10, 11])
@pytest.mark.parametrize("filter_name", ["none", "window"])
def test_the_route_by_scores_equals_the_route_by_fft(n, last_only, filter_name, monkeypatch):
    shape = tiny.layer_shape(max_length=n)
    inputs = tiny.layer_inputs(
        shape,
        layer_filter=tiny.part("filter", filter_name, shape),
        lengths=[n, 4, 1],
        last_only=last_only,
        dtype=torch.float64,
    )
    by_scores = attention(n, top_k=2.0)(inputs)
    by_fft = attention(n, top_k=2.0, by_scores=False, monkeypatch=monkeypatch)(inputs)
    assert by_scores.shape == (3, 1 if last_only else n, 8)
    torch.testing.assert_close(by_scores, by_fft)


@pytest.mark.parametrize("by_scores", [False, True])
@pytest.mark.parametrize("padding", ["right", "left"])
def test_the_last_row_alone_is_the_last_row_of_all(padding, by_scores, monkeypatch):
    branch = attention(10, by_scores=by_scores, monkeypatch=monkeypatch)
    counts = {"shape": tiny.layer_shape(), "lengths": [10, 4, 1], "padding": padding}
    everything = tiny.layer_inputs(**counts)
    alone = branch(tiny.layer_inputs(**counts, last_only=True))
    torch.testing.assert_close(alone[:, 0], branch(everything)[torch.arange(3), everything.last])


def test_a_batch_shares_its_delays_in_training_only():
    branch = attention(10, delays="batch")
    inputs = tiny.layer_inputs(tiny.layer_shape(), batch=6)
    shared, weights = branch.train().delays(inputs)
    own, _ = branch.eval().delays(inputs)
    assert len({tuple(row) for row in shared.tolist()}) == 1
    assert len({tuple(row) for row in own.tolist()}) > 1
    assert len({tuple(row) for row in weights.tolist()}) == 6  # weights stay a sequence's own


def test_the_shared_delays_are_those_of_the_mean_correlation():
    inputs = tiny.layer_inputs(tiny.layer_shape(), batch=6)
    shared, _ = attention(10, delays="batch").train().delays(inputs)
    mean = autocorr.correlation_by_fft(inputs.q, inputs.k).mean(0)
    assert shared[0].tolist() == mean.argsort(descending=True)[:2].tolist()


def test_a_sequence_has_delays_of_its_own_in_training_too():
    branch = attention(10, delays="sequence").train()
    delays, _ = branch.delays(tiny.layer_inputs(tiny.layer_shape(), batch=6))
    assert len({tuple(row) for row in delays.tolist()}) > 1


def test_queries_and_keys_learn_through_the_weights():
    q = torch.randn(3, 10, 8, requires_grad=True)
    attention(10)(tiny.layer_inputs(tiny.layer_shape(), q=q)).square().sum().backward()
    assert q.grad is not None
    assert q.grad.abs().max() > 0


def test_an_average_over_many_delays_goes_by_fft_and_is_the_same(monkeypatch):
    inputs = tiny.layer_inputs(tiny.layer_shape(), dtype=torch.float64)
    branch = attention(10, top_k=3.0)
    by_rows = branch(inputs)
    monkeypatch.setattr(correlation.AverageOver, "apply", None)
    monkeypatch.setattr(correlation, "MOST_BY_ROWS", branch.kept - 1)
    torch.testing.assert_close(branch(inputs), by_rows)
