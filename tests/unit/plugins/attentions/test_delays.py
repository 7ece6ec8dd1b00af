"""Correlation and average over delays by FFT, against their definitions."""

import pytest
import torch

from fearec_plugins.attentions._delays import average_by_fft, correlation_by_fft


@pytest.mark.parametrize("n", [1, 4, 7])
def test_an_average_by_fft_is_the_sum_of_the_rolled_values(n):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, n, 4, dtype=torch.float64, generator=generator)
    weights = torch.randn(3, n, dtype=torch.float64, generator=generator)
    expected = sum(weights[:, delay, None, None] * values.roll(-delay, dims=1) for delay in range(n))
    torch.testing.assert_close(average_by_fft(weights, values), expected)


def test_half_precision_goes_through_single():
    q, k = torch.randn(2, 3, 7, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    weights = q[..., 0].softmax(1)
    correlation, average = correlation_by_fft(q, k), average_by_fft(weights, k)
    assert correlation.dtype == average.dtype == torch.bfloat16
    torch.testing.assert_close(correlation, correlation_by_fft(q.float(), k.float()).bfloat16())
    torch.testing.assert_close(average, average_by_fft(weights.float(), k.float()).bfloat16())
