"""The learnable ramp."""

import pytest
import torch

from fearec_cli.errors import ConfigError
from fearec_plugins.filters import learnable_ramp
from support import tiny

BOTH = pytest.mark.parametrize("per_channel", [True, False])


def ramp(n=10, **options):
    return tiny.part("filter", "learnable-ramp", tiny.layer_shape(max_length=n), **options)


def signal(n=10, batch=3):
    return torch.randn(batch, n, 8, generator=torch.Generator().manual_seed(0))


@BOTH
@pytest.mark.parametrize("n", [2, 3, 10, 11])
def test_a_mask_of_ones_is_the_identity(n, per_channel):
    part = ramp(n, floor=1.0, per_channel=per_channel)
    assert (part.mask == 1).all()
    x = signal(n)
    torch.testing.assert_close(part(x, torch.tensor([n, 1, 1])), x)


@BOTH
@pytest.mark.parametrize("shape", ["linear", "cosine", "exponential"])
def test_it_starts_as_a_fall_from_one_to_the_floor(shape, per_channel):
    mask = ramp(51, shape=shape, floor=0.2, per_channel=per_channel).mask.detach()
    assert mask.shape == ((26, 8) if per_channel else (26,))
    assert mask[0].eq(1).all()
    torch.testing.assert_close(mask[-1], torch.full_like(mask[-1], 0.2))
    assert (mask.diff(dim=0) < 0).all()


@pytest.mark.parametrize(("shape", "middle"), [("linear", 0.52), ("cosine", 0.52), ("exponential", 0.2)])
def test_the_shapes_are_different_ones(shape, middle):
    mask = ramp(9, shape=shape, floor=0.04).mask.detach()
    torch.testing.assert_close(mask[2, 0].item(), middle)


@pytest.mark.parametrize("n", [2, 10, 11, 50])
def test_the_matrix_route_equals_the_fft_route(n, monkeypatch):
    by_matrix = ramp(n, per_channel=False)
    monkeypatch.setattr(learnable_ramp, "LONGEST_BY_MATRIX", n - 1)
    by_fft = ramp(n, per_channel=False)
    assert (by_matrix.by_matrix, by_fft.by_matrix) == (True, False)
    x = signal(n)
    outputs, gradients = [], []
    for part in (by_matrix, by_fft):
        out = part(x, torch.tensor([n, 1, 1]))
        outputs.append(out)
        gradients.append(torch.autograd.grad((out * signal(n).cos()).sum(), part.mask)[0])
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=0)
    torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-5)


def test_a_common_mask_equals_the_same_mask_for_every_channel():
    x, lengths = signal(), torch.tensor([10, 4, 1])
    torch.testing.assert_close(ramp(per_channel=False)(x, lengths), ramp(per_channel=True)(x, lengths))


def test_the_response_at_another_length_is_that_of_the_same_frequency():
    part = ramp(20, per_channel=False, floor=0.0)  # falls from 1 at frequency 0 to 0 at frequency 1/2
    for n in (7, 10, 20, 40):
        expected = 1 - 2 * torch.arange(n // 2 + 1) / n
        torch.testing.assert_close(part.response(n), expected, atol=1e-6, rtol=0)


def test_an_exponential_ramp_to_zero_is_refused():
    with pytest.raises(ConfigError, match=r"^learnable-ramp\.floor: .*exponential"):
        ramp(shape="exponential", floor=0.0)
