"""Dropout by random lanes, and the small blocks."""

import math

import pytest
import torch

from fearec_cli import kernels
from fearec_cli.api import Dropout, FeedForward, ResidualOutput

# Five standard deviations of the share of kept units among so many.
UNITS = 400_000


def tolerance(p, units):
    return 5 * math.sqrt(p * (1 - p) / units)


def dropped(p, *size, seed=0):
    torch.manual_seed(seed)
    return Dropout(p).train()(torch.ones(size)) == 0


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_units_are_dropped_with_probability_p(p):
    assert dropped(p, UNITS).float().mean().item() == pytest.approx(p, abs=tolerance(p, UNITS))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_every_lane_of_a_word_drops_with_probability_p(p):
    lanes = dropped(p, UNITS // 4, 4).float()
    assert lanes.mean(0).tolist() == pytest.approx([p] * 4, abs=tolerance(p, UNITS // 4))


def test_lanes_of_a_word_are_uncorrelated():
    correlation = torch.corrcoef(dropped(0.5, UNITS // 4, 4).float().T)
    assert (correlation - torch.eye(4)).abs().max() < 5 / math.sqrt(UNITS // 4)


def test_neighbouring_words_are_uncorrelated():
    words = dropped(0.5, UNITS // 4, 4).float()[:, 0]
    assert abs(torch.corrcoef(torch.stack([words[1:], words[:-1]]))[0, 1]) < 5 / math.sqrt(UNITS // 4)


@pytest.mark.parametrize("p", [0.1, 0.37, 0.5])
def test_kept_units_are_scaled_so_that_the_mean_stays(p):
    torch.manual_seed(0)
    out = Dropout(p).train()(torch.ones(UNITS))
    kept = out[out != 0]
    assert kept.unique().tolist() == pytest.approx([1 / (1 - p)], rel=1e-4)
    assert out.mean().item() == pytest.approx(1, abs=tolerance(p, UNITS) / (1 - p))


def test_the_scale_is_that_of_the_rounded_probability():
    p = 1e-5  # nearest multiple of 2^-16: 1 / 65536
    with kernels.using("auto"):
        out = Dropout(p).train()(torch.ones(8, dtype=torch.float64))
    assert out.max().item() == 65536 / 65535


def test_a_probability_near_one_leaves_a_finite_output():
    out = Dropout(1 - 1e-9).train()(torch.ones(1000))
    assert out.isfinite().all()


def test_a_seed_fixes_what_is_dropped():
    assert torch.equal(dropped(0.5, 999, seed=1), dropped(0.5, 999, seed=1))
    assert not torch.equal(dropped(0.5, 999, seed=1), dropped(0.5, 999, seed=2))


def test_a_second_call_drops_others():
    torch.manual_seed(0)
    dropout, x = Dropout(0.5).train(), torch.ones(999)
    assert not torch.equal(dropout(x), dropout(x))


def test_evaluation_and_zero_change_nothing():
    x = torch.randn(5, 3)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0).train()(x) is x


@pytest.mark.parametrize("size", [(1,), (3,), (5, 7), (2, 3, 5), (0,), ()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_any_size_and_type_keeps_its_own(size, dtype):
    x = torch.ones(size, dtype=dtype)
    out = Dropout(0.5).train()(x)
    assert out.shape == x.shape
    assert out.dtype == dtype
    assert ((out == 0) | (out == 2)).all()


def test_the_gradient_passes_where_the_signal_does():
    x = torch.ones(1000, requires_grad=True)
    out = Dropout(0.5).train()(x)
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert torch.equal(gradient, out)


def test_a_signal_that_is_not_contiguous_is_dropped_like_another():
    x = torch.ones(6, 4).T
    torch.manual_seed(0)
    out = Dropout(0.5).train()(x)
    assert ((out == 0) | (out == 2)).all()


def test_feed_forward_is_its_formula():
    torch.manual_seed(0)
    block, x = FeedForward(4, 6, 0.5).eval(), torch.randn(2, 3, 4)
    inner = x @ block.expand.weight.T + block.expand.bias
    inner = 0.5 * inner * (1 + torch.erf(inner / math.sqrt(2)))
    out = inner @ block.output.dense.weight.T + block.output.dense.bias + x
    expected = (out - out.mean(-1, keepdim=True)) / out.std(-1, unbiased=False, keepdim=True)
    torch.testing.assert_close(block(x), expected, atol=1e-5, rtol=1e-4)


def test_a_residual_output_projects_other_widths():
    block = ResidualOutput(4, 0.0, inputs=6)
    assert block(torch.randn(2, 3, 6), torch.randn(2, 3, 4)).shape == (2, 3, 4)


@pytest.mark.parametrize("p", [-0.1, 1, 1.5, math.nan])
def test_what_is_not_a_probability_is_an_error(p):
    with pytest.raises(ValueError, match="0 or more and less than 1"):
        Dropout(p)


def test_a_whole_number_is_a_probability():
    x = torch.ones(3)
    assert Dropout(0).train()(x) is x


def test_a_residual_output_without_projection_has_a_norm_alone():
    block, x = ResidualOutput(4, 0.0, projected=False), torch.randn(2, 4)
    assert block.state_dict().keys() == {"norm.weight", "norm.bias"}
    torch.testing.assert_close(block(x, 2 * x), torch.nn.functional.layer_norm(3 * x, (4,), eps=1e-12))
