"""Correlation and average over delays by FFT, against their definitions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_plugins._kernels.correlation import average_by_fft, average_over, correlation_by_fft


@pytest.mark.parametrize("n", [1, 4, 7])
def test_an_average_by_fft_is_the_sum_of_the_rolled_values(n):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, n, 4, dtype=torch.float64, generator=generator)
    weights = torch.randn(3, n, dtype=torch.float64, generator=generator)
    expected = sum(weights[:, delay, None, None] * values.roll(-delay, dims=1) for delay in range(n))
    torch.testing.assert_close(average_by_fft(weights, values), expected)


def some_delays(batch, n, kept, seed=0):
    """Distinct delays of each sequence, and their weights."""
    generator = torch.Generator().manual_seed(seed)
    delays = torch.stack([torch.randperm(n, generator=generator)[:kept] for _ in range(batch)])
    return delays, torch.rand(batch, kept, dtype=torch.float64, generator=generator)


@given(st.integers(1, 3), st.integers(1, 9), st.data())
def test_an_average_row_by_row_is_that_by_fft(batch, n, data):
    delays, weights = some_delays(batch, n, data.draw(st.integers(1, n)))
    values = torch.randn(batch, n, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    of_all = torch.zeros(batch, n, dtype=torch.float64).scatter(1, delays, weights)
    torch.testing.assert_close(average_over(delays, weights, values), average_by_fft(of_all, values))


def test_the_gradients_of_an_average_row_by_row_agree_with_finite_differences():
    delays, weights = some_delays(2, 5, 3)
    values = torch.randn(2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    leaves = weights.requires_grad_(), values.requires_grad_()
    assert torch.autograd.gradcheck(lambda weights, values: average_over(delays, weights, values), leaves)
    strided = values.detach().mT.contiguous().mT.requires_grad_()
    assert torch.autograd.gradcheck(lambda values: average_over(delays, weights.detach(), values), strided)


def test_half_precision_goes_through_single():
    q, k = torch.randn(2, 3, 7, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    weights = q[..., 0].softmax(1)
    correlation, average = correlation_by_fft(q, k), average_by_fft(weights, k)
    assert correlation.dtype == average.dtype == torch.bfloat16
    torch.testing.assert_close(correlation, correlation_by_fft(q.float(), k.float()).bfloat16())
    torch.testing.assert_close(average, average_by_fft(weights.float(), k.float()).bfloat16())
    delays = torch.arange(7).expand(3, 7)
    by_rows = average_over(delays, weights.float(), k)
    assert by_rows.dtype == torch.bfloat16
    torch.testing.assert_close(by_rows, average, rtol=0.02, atol=0.02)


def test_an_average_can_be_differentiated_twice():
    delays, weights = some_delays(2, 5, 3)
    weights = weights.double().requires_grad_()
    values = torch.randn(2, 5, 4, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda w, v: average_over(delays, w, v), (weights, values))
