"""What a layer hands to its branches: shared results, the mask, the wanted rows."""

import pytest
import torch

from support import tiny

SHAPE = tiny.layer_shape()


class CountingFilter:
    """Doubles a signal and remembers how often it was asked."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def __call__(self, x, lengths):
        self.seen.append(x)
        return 2 * x

    def response(self, n):
        return torch.full((n // 2 + 1,), 2.0)


@pytest.mark.parametrize("last_only", [False, True])
def test_two_branches_filter_every_signal_once(last_only):
    counting = CountingFilter()
    inputs = tiny.layer_inputs(SHAPE, layer_filter=counting, last_only=last_only)
    for name in ("ramp", "autocorr", "dot"):
        tiny.part("attention", name, SHAPE)(inputs)
    assert len(counting.seen) == 3
    assert all(any(seen is signal for seen in counting.seen) for signal in (inputs.q, inputs.k, inputs.v))


def test_no_branch_that_asks_means_no_filtering():
    counting = CountingFilter()
    tiny.part("attention", "dot", SHAPE)(tiny.layer_inputs(SHAPE, layer_filter=counting))
    assert counting.seen == []


def test_shared_results_are_kept_apart():
    inputs = tiny.layer_inputs(SHAPE, layer_filter=CountingFilter())
    assert inputs.summed_scores(filtered=True) is inputs.summed_scores(filtered=True)
    torch.testing.assert_close(inputs.summed_scores(filtered=True), 4 * inputs.summed_scores(filtered=False))
    torch.testing.assert_close(inputs.filtered("x"), 2 * inputs.x)


@pytest.mark.parametrize("filtered", [False, True])
def test_weights_of_one_head_serve_all(filtered):
    inputs = tiny.layer_inputs(SHAPE, layer_filter=CountingFilter())
    weights = torch.rand(3, 1, 10, 10)
    values = inputs.filtered("v") if filtered else inputs.v
    torch.testing.assert_close(inputs.weighted(weights, filtered=filtered), weights[:, 0] @ values)
    same = inputs.weighted(weights.expand(-1, 2, -1, -1), filtered=filtered)
    torch.testing.assert_close(same, weights[:, 0] @ values)


def test_the_mask_shows_real_positions_that_are_not_later():
    shape = tiny.layer_shape(max_length=3)
    right = tiny.layer_inputs(shape, lengths=[2], batch=1).mask()
    left = tiny.layer_inputs(shape, lengths=[2], batch=1, padding="left").mask()
    assert right[0, 0].int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 0]]
    assert left[0, 0].int().tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]


@pytest.mark.parametrize(("padding", "expected"), [("right", [1, 1, 0]), ("left", [0, 1, 1])])
def test_the_mask_of_the_last_position_is_one_row(padding, expected):
    shape = tiny.layer_shape(max_length=3)
    mask = tiny.layer_inputs(shape, lengths=[2], batch=1, padding=padding, last_only=True).mask()
    assert mask.int().tolist() == [[[expected]]]


@pytest.mark.parametrize("padding", ["right", "left"])
def test_wanted_rows_are_those_at_the_last_real_position(padding):
    inputs = tiny.layer_inputs(SHAPE, lengths=[10, 4, 1], padding=padding, last_only=True)
    last = [9, 3, 0] if padding == "right" else [9, 9, 9]
    assert inputs.last.tolist() == last
    assert torch.equal(inputs.at_requested(inputs.x)[:, 0], inputs.x[torch.arange(3), torch.tensor(last)])


def test_all_rows_are_wanted_unless_the_last_alone_is():
    inputs = tiny.layer_inputs(SHAPE)
    assert inputs.at_requested(inputs.x) is inputs.x
