"""The global filter: a circular convolution."""

import pytest
import torch

from support import tiny


@pytest.mark.parametrize("n", [10, 11])
def test_it_is_a_circular_convolution_with_the_weights_impulse_response(n):
    torch.manual_seed(0)
    part = tiny.part("filter", "global", tiny.layer_shape(max_length=n), std=1.0)
    kernel = torch.fft.irfft(torch.view_as_complex(part.weight.detach()), n=n, dim=0)  # [N, D]
    x = torch.randn(2, n, 8)
    by_hand = torch.stack([sum(kernel[s] * x[:, (t - s) % n] for s in range(n)) for t in range(n)], dim=1)
    torch.testing.assert_close(part(x, torch.tensor([n, 1])), by_hand, atol=1e-5, rtol=1e-5)


def test_its_weights_are_real_numbers_and_start_small():
    part = tiny.part("filter", "global", tiny.layer_shape(max_length=50, dim=64))
    ((name, weight),) = part.state_dict().items()
    assert (name, weight.dtype, weight.shape) == ("weight", torch.float32, (26, 64, 2))
    assert weight.std().item() == pytest.approx(0.02, rel=0.1)
