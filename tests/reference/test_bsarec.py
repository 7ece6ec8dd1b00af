"""The parts of the preset bsarec against an independent implementation of the paper's layer."""

import pytest
import torch

from reference.bsarec import bsarec_layer
from reference.parity import TOLERANCE, differences, layer_of, weights_of
from support import tiny


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [10, 15, 16])
@pytest.mark.parametrize(("layer", "n_layers"), [(0, 1), (1, 3)])
@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize(("cutoff", "alpha"), [(1, 0.7), (3, 0.3), (6, 0.9)])
def test_a_layer_equals_the_reference(n, layer, n_layers, heads, cutoff, alpha, dtype, record_property):
    shape = tiny.layer_shape(layer=layer, n_layers=n_layers, max_length=n, heads=heads)
    ours = layer_of(
        shape, ("band-rescale", {"cutoff": cutoff}), ["identity", "dot"], ("norm-mix", {"alpha": alpha}), dtype
    )
    frequency, attention = ours.fusion.ends
    parts = {"filter_norm": frequency.norm, "output": attention.dense, "attention_norm": attention.norm}
    weights = {**weights_of(ours, **parts), "beta": ours.filter.beta}
    found = differences(ours, lambda x, valid: bsarec_layer(x, valid, weights, heads, cutoff, alpha), n)
    record_property("differences", found)
    assert max(found) < TOLERANCE
