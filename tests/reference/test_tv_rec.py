"""The parts of the preset tv-rec against an independent implementation of the paper's layer."""

import pytest
import torch

from reference.parity import TOLERANCE, differences, layer_of, weights_of
from reference.tv_rec import tv_rec_layer
from support import tiny


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [10, 15])
@pytest.mark.parametrize("bases", [1, 4])
def test_a_layer_equals_the_reference(n, bases, dtype, record_property):
    shape = tiny.layer_shape(max_length=n)
    ours = layer_of(shape, ("position-fir", {"bases": bases}), ["identity"], ("residual", {}), dtype)
    weights = {
        **weights_of(ours, filter_norm=ours.fusion.output.norm),
        "mixture": ours.filter.mixture,
        "bases": ours.filter.bases,
    }
    found = differences(ours, lambda x, valid: tv_rec_layer(x, weights), n)
    record_property("differences", found)
    assert max(found) < TOLERANCE
