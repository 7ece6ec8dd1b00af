"""The parts of the preset wearec against an independent implementation of the paper's layer."""

import pytest
import torch

from reference.parity import TOLERANCE, differences, layer_of, weights_of
from reference.wearec import wearec_layer
from support import tiny


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [10, 15])
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_a_layer_equals_the_reference(n, heads, alpha, dtype, record_property):
    shape = tiny.layer_shape(max_length=n, heads=heads)
    ours = layer_of(shape, ("adaptive-wavelet", {"alpha": alpha}), ["identity"], ("residual", {}), dtype)
    own = ours.filter
    weights = {
        **weights_of(ours, filter_norm=ours.fusion.output.norm, context=own.expand, modulate=own.modulate),
        "gain": own.gain,
        "bias": own.bias,
        "details": own.details,
    }
    found = differences(ours, lambda x, valid: wearec_layer(x, weights, heads, alpha), n)
    record_property("differences", found)
    assert max(found) < TOLERANCE
