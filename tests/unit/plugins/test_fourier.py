"""The theorems that the components rest on, and that they hold for the components' own matrices."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli import kernels
from fearec_cli.api import multiply_spectrum
from fearec_plugins._kernels.correlation import (
    average_by_fft,
    average_over,
    circulant_of_delays,
    correlation_by_fft,
    correlation_by_scores,
)
from fearec_plugins._kernels.gains import circulant

sizes = st.integers(2, 33)
seeds = st.integers(0, 2**32 - 1)


def random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def bin_weights(n: int) -> torch.Tensor:
    """How many bins of the complex FFT each bin of the real one stands for."""
    weights = torch.full((n // 2 + 1,), 2.0, dtype=torch.float64)
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return weights


@given(sizes, seeds)
def test_the_inverse_undoes_the_transform(n, seed):
    x = random(3, n, 2, seed=seed)
    torch.testing.assert_close(torch.fft.irfft(torch.fft.rfft(x, dim=1), n=n, dim=1), x)


def test_the_inverse_needs_to_know_an_odd_length():
    x = random(7, seed=0)
    assert len(torch.fft.irfft(torch.fft.rfft(x))) == 6


@given(sizes, seeds, st.data())
def test_parseval_holds_for_what_a_window_lets_through(n, seed, data):
    kept = torch.tensor(data.draw(st.lists(st.booleans(), min_size=n // 2 + 1, max_size=n // 2 + 1)))
    x = random(n, seed=seed)
    in_time = (circulant(kept.double(), n) @ x).square().sum()
    in_frequency = (bin_weights(n) * kept * torch.fft.rfft(x).abs().square()).sum() / n
    torch.testing.assert_close(in_time, in_frequency)


@given(sizes, seeds)
def test_the_convolution_theorem_holds_for_the_circulant_of_delays(n, seed):
    """The circulant of weights w moves by V[t + tau], so it convolves with w reversed."""
    weights, values = random(2, n, seed=seed)
    circulant = circulant_of_delays(weights[None])[0]
    spectrum = torch.fft.rfft(weights).conj() * torch.fft.rfft(values)
    torch.testing.assert_close(circulant @ values, torch.fft.irfft(spectrum, n=n))


@given(sizes, seeds, st.integers(1, 4))
def test_wiener_khinchin_holds_for_the_diagonals_of_the_scores(n, seed, channels):
    q, k = random(2, 3, n, channels, seed=seed)
    by_scores = correlation_by_scores(q @ k.transpose(1, 2))
    torch.testing.assert_close(by_scores, correlation_by_fft(q, k))


@pytest.mark.parametrize("n", [5, 6])
def test_correlation_is_the_sum_over_shifted_products(n):
    q, k = random(2, 1, n, 2, seed=3)
    for delay in range(n):
        by_hand = sum(q[0, (t + delay) % n] @ k[0, t] for t in range(n))
        torch.testing.assert_close(correlation_by_fft(q, k)[0, delay], by_hand)


@given(st.integers(1, 12), seeds)
def test_a_circulant_has_each_weight_along_a_diagonal_and_its_sums_undo_it(n, seed):
    weights = random(2, n, seed=seed)
    circulant = circulant_of_delays(weights)
    for t in range(n):
        for s in range(n):
            assert torch.equal(circulant[:, t, s], weights[:, (s - t) % n])
    torch.testing.assert_close(correlation_by_scores(circulant.mT), n * weights)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_diagonal_sums_and_circulants_have_the_gradients_of_each_other(n):
    scores, weights = random(2, n, n, seed=0).requires_grad_(), random(2, n, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(correlation_by_scores, scores)
    assert torch.autograd.gradcheck(circulant_of_delays, weights)


@pytest.mark.parametrize("n", [2, 7, 10])
def test_the_equations_in_real_numbers_give_what_the_transforms_give(n):
    x, weight = torch.randn(3, n, 4, dtype=torch.float64), torch.randn(n // 2 + 1, 4, 2, dtype=torch.float64)
    q, lags = torch.randn(3, n, 4, dtype=torch.float64), torch.rand(3, n, dtype=torch.float64)
    delays = torch.stack([torch.randperm(n)[:2] for _ in range(3)])
    asked = (
        lambda: multiply_spectrum(x, *weight.unbind(-1)),
        lambda: multiply_spectrum(x, weight[:, :1, 0]),
        lambda: multiply_spectrum(x, weight[None, :, :, 0].expand(3, -1, -1), offset=weight[:, :, 1]),
        lambda: correlation_by_fft(x, q),
        lambda: correlation_by_scores(q @ x.mT),
        lambda: circulant_of_delays(lags),
        lambda: average_by_fft(lags, x),
        lambda: average_over(delays, lags[:, :2], x),
    )
    for ask in asked:
        expected = ask()
        with kernels.using("plain"):
            torch.testing.assert_close(ask(), expected)
