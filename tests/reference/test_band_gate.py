"""The filter band-gate against the equations of FICLRec's frequency layer."""

import pytest
import torch
from torch import Tensor

from reference.fearec_layer import Weights, layer_norm, linear
from reference.fmlp_rec import feed_forward, filtered
from reference.parity import TOLERANCE, differences, layer_of, weights_of
from support import tiny


def gated(x: Tensor, weights: Weights, cutoff: int) -> Tensor:
    """LayerNorm(z low + (1 - z) high + x), then the feed-forward; a sequence at a time."""
    kept = torch.ones(x.shape[2], dtype=torch.complex128 if x.dtype == torch.float64 else torch.complex64)
    rows = []
    for sequence in x:
        low = filtered(sequence, dict.fromkeys(range(cutoff), kept))
        high = sequence - low
        gate = 1 / (1 + torch.exp(-(linear(low, weights, "of_low") + linear(high, weights, "of_high"))))
        rows.append(gate * low + (1 - gate) * high)
    return feed_forward(layer_norm(torch.stack(rows) + x, weights, "filter_norm"), weights)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [10, 15])
@pytest.mark.parametrize("cutoff", [1, 3, 6])
def test_a_layer_equals_the_reference(n, cutoff, dtype, record_property):
    shape = tiny.layer_shape(max_length=n)
    ours = layer_of(shape, ("band-gate", {"cutoff": cutoff}), ["identity"], ("residual", {}), dtype)
    weights = weights_of(
        ours, filter_norm=ours.fusion.output.norm, of_low=ours.filter.of_low, of_high=ours.filter.of_high
    )
    found = differences(ours, lambda x, valid: gated(x, weights, cutoff), n)
    record_property("differences", found)
    assert max(found) < TOLERANCE
