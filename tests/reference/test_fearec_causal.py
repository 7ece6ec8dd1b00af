"""The parts of the preset fearec-causal against an implementation that cuts out each position's history first."""

import pytest
import torch

from reference.fearec_causal import fearec_causal_layer
from reference.fearec_layer import Settings
from reference.parity import TOLERANCE, layer_of, weights_of
from support import tiny


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "layer", "n_layers"), [(10, 0, 2), (11, 1, 2), (9, 0, 1)])
def test_a_layer_equals_the_reference(n, layer, n_layers, dtype, record_property):
    settings = Settings(n_layers=n_layers, heads=2, alpha="0.6", gamma=0.5, top_k=1.0, shared_delays=False)
    shape = tiny.layer_shape(layer=layer, n_layers=n_layers, max_length=n, heads=2)
    ours = layer_of(
        shape, ("causal-window", {"alpha": 0.6}), ["ramp", "causal-autocorr"], ("mix", {"gamma": 0.5}), dtype
    )
    end = ours.fusion.output
    weights = weights_of(ours, output=end.dense, attention_norm=end.norm)
    x = torch.randn(2, n, 8, dtype=dtype, requires_grad=True)
    lengths = torch.tensor([n, n])
    output = ours(x, torch.ones(2, n, dtype=torch.bool), lengths, lengths - 1, False).x
    expected = fearec_causal_layer(x, weights, layer, settings)
    direction = torch.randn_like(output)
    wanted = [x, *ours.parameters()]
    ours_gradients, gradients = (torch.autograd.grad((out * direction).sum(), wanted) for out in (output, expected))
    largest = max(gradient.abs().max() for gradient in gradients)
    worst = max((a - b).abs().max() for a, b in zip(ours_gradients, gradients, strict=True)) / largest
    moved = (output - expected).abs().max() / expected.abs().max()
    record_property("differences", (moved.item(), worst.item()))
    assert max(moved, worst) < TOLERANCE
