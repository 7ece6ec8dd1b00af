"""The parts of the preset slime4rec against an independent implementation of the paper's layer."""

import pytest
import torch

from reference.parity import TOLERANCE, differences, layer_of, weights_of
from reference.slime4rec import slime4rec_layer
from support import tiny


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [10, 15, 16])
@pytest.mark.parametrize(("layer", "n_layers"), [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), (3, 4)])
@pytest.mark.parametrize(("alpha", "gamma"), [("0.6", 0.3), ("0.2", 0.5), ("1.0", 0.9)])
def test_a_layer_equals_the_reference(n, layer, n_layers, alpha, gamma, dtype, record_property):
    shape = tiny.layer_shape(layer=layer, n_layers=n_layers, max_length=n)
    options = {"alpha": float(alpha), "gamma": gamma}
    ours = layer_of(shape, ("slide", options), ["identity"], ("residual", {}), dtype)
    weights = {
        **weights_of(ours, filter_norm=ours.fusion.output.norm),
        "dynamic": ours.filter.dynamic,
        "static": ours.filter.static,
    }
    found = differences(ours, lambda x, valid: slime4rec_layer(x, weights, layer, n_layers, alpha, gamma), n)
    record_property("differences", found)
    assert max(found) < TOLERANCE
