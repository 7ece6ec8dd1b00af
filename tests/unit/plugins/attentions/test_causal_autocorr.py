"""Auto-correlation of each position's past, beside plain loops."""

import math

import pytest
import torch

from fearec_cli.api import LayerInputs
from support import tiny

SHAPE = tiny.layer_shape()


def expected(inputs: LayerInputs, row: int, t: int, first: int, kept: int) -> torch.Tensor:
    """The context of a position, by the definition."""
    q, k, v = (signal[row].double() for signal in (inputs.q, inputs.k, inputs.v))
    correlation = torch.tensor(
        [sum(float(q[s] @ k[s - tau]) for s in range(first + tau, t + 1)) / q.shape[1] for tau in range(t - first + 1)]
    )
    best = correlation.topk(min(kept, len(correlation)))
    weights = best.values.softmax(0)
    return sum(weight * v[t - tau] for weight, tau in zip(weights, best.indices.tolist(), strict=True))


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("top_k", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("last_only", [False, True])
def test_each_position_by_its_definition(padding: str, top_k: float, last_only: bool) -> None:
    part = tiny.part("attention", "causal-autocorr", SHAPE, top_k=top_k)
    lengths = [10, 4, 1]
    inputs = tiny.layer_inputs(SHAPE, lengths=lengths, padding=padding, last_only=last_only)
    out = part(inputs)
    kept = min(10, max(1, math.floor(top_k * math.log(10))))
    for row, length in enumerate(lengths):
        first = 0 if padding == "right" else 10 - length
        for t in [first + length - 1] if last_only else range(first, first + length):
            got = out[row, 0 if last_only else t].double()
            torch.testing.assert_close(got, expected(inputs, row, t, first, kept), rtol=1e-4, atol=1e-5)


def test_the_last_positions_delays_are_counted_as_autocorr_counts_them() -> None:
    part = tiny.part("attention", "causal-autocorr", SHAPE)
    every, last = (tiny.layer_inputs(SHAPE, lengths=[10, 5, 2], last_only=only) for only in (False, True))
    delays, weights = part.delays(every)
    again, weights_again = part.delays(last)
    assert torch.equal(delays, again)
    torch.testing.assert_close(weights, weights_again)
    reached = (every.last[:, None] + delays) % 10
    assert bool((reached[weights > 0] <= every.last[:, None].expand_as(reached)[weights > 0]).all())
