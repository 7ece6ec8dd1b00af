"""The parts of the preset fmlp-rec against an independent implementation of the paper's layer."""

import pytest
import torch

from reference.fmlp_rec import fmlp_rec_layer
from reference.parity import TOLERANCE, differences, layer_of, weights_of
from support import tiny


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [2, 3, 10, 15, 16])
@pytest.mark.parametrize(("layer", "n_layers"), [(0, 1), (1, 3)])
def test_a_layer_equals_the_reference(n, layer, n_layers, dtype, record_property):
    shape = tiny.layer_shape(layer=layer, n_layers=n_layers, max_length=n)
    ours = layer_of(shape, ("global", {}), ["identity"], ("residual", {}), dtype)
    assert ours.project is None
    weights = {**weights_of(ours, filter_norm=ours.fusion.output.norm), "filter": ours.filter.weight}
    found = differences(ours, lambda x, valid: fmlp_rec_layer(x, weights), n)
    record_property("differences", found)
    assert max(found) < TOLERANCE
