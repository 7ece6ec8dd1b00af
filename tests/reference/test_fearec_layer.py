"""Our layer against an independent implementation of the paper's: weights copied, outputs and gradients compared."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from fearec_cli.api import FeedForward
from fearec_cli.data.batches import Padding
from fearec_cli.model.encoder import Encoder
from fearec_cli.model.layer import Layer
from reference.fearec_layer import Settings, Weights, kept_bins, reference_encoder, reference_layer
from support import tiny

TOLERANCE = 1e-5
# Every layer of the grid keeps bins that tell all delays apart. Where bin 0 alone is left, all delays are
# equally correlated, and which of them are kept is a matter of rounding.
LENGTHS = {16: [16, 5, 1], 15: [3, 15, 8]}
GRID = [
    (n, n_layers, layer, alpha, heads, padding, delays, training)
    for n, (n_layers, layer), alpha, heads, padding, delays, training in itertools.product(
        (16, 15),
        ((1, 0), (2, 0), (2, 1), (3, 1), (4, 0), (4, 3)),
        ("0.2", "0.6"),
        (1, 2),
        ("right", "left"),
        ("sequence", "batch"),
        (True, False),
    )
    if (heads == 2 or (alpha, padding) == ("0.6", "right")) and (delays == "batch" or training)
]


def reference_weights(layer: Layer) -> Weights:
    """The layer's own parameters under the names of the reference: gradients reach them by both ways."""
    assert layer.project is not None
    names = ("query", "key", "value")
    weights = dict(zip((f"{name}.weight" for name in names), layer.project.weight.chunk(3), strict=True))
    weights |= zip((f"{name}.bias" for name in names), layer.project.bias.chunk(3), strict=True)
    parts: dict[str, nn.Module] = {
        "output": layer.fusion.output.dense,
        "attention_norm": layer.fusion.output.norm,
        "expand": layer.feed_forward.expand,
        "contract": layer.feed_forward.output.dense,
        "feed_forward_norm": layer.feed_forward.output.norm,
    }
    for name, part in parts.items():
        weights |= {f"{name}.weight": part.weight, f"{name}.bias": part.bias}
    return weights


def hybrid_layer(n: int, layer: int, dtype: torch.dtype, settings: Settings) -> Layer:
    """Our layer with random weights and no dropout."""
    torch.manual_seed(7)
    shape = tiny.layer_shape(layer=layer, n_layers=settings.n_layers, max_length=n, heads=settings.heads)
    built = Layer(
        shape,
        tiny.part("filter", "window", shape, alpha=float(settings.alpha)),
        [
            tiny.part("attention", "ramp", shape),
            tiny.part(
                "attention",
                "autocorr",
                shape,
                top_k=settings.top_k,
                delays="batch" if settings.shared_delays else "sequence",
            ),
        ],
        tiny.part("fusion", "mix", shape, 2, gamma=settings.gamma),
        FeedForward(shape.dim, 16, 0.0),
    )
    for parameter in built.parameters():
        nn.init.normal_(parameter, std=0.5)
    return built.to(dtype)


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def compare_layer(
    n: int,
    n_layers: int,
    layer: int,
    alpha: str,
    heads: int,
    padding: Padding,
    delays: str,
    training: bool,
    dtype: torch.dtype,
) -> tuple[float, float]:
    """Relative difference of the outputs, and the worst one of the gradients."""
    settings = Settings(n_layers, heads, alpha, gamma=0.3, top_k=1.0, shared_delays=delays == "batch")
    ours = hybrid_layer(n, layer, dtype, settings).train(training)
    lengths = torch.tensor(LENGTHS[n])
    valid = tiny.validity(lengths, n, padding)
    last = lengths - 1 if padding == "right" else torch.full_like(lengths, n - 1)
    x = torch.randn(3, n, 8, dtype=dtype, requires_grad=True)
    direction = torch.randn(3, n, 8, dtype=dtype)

    output = ours(x, valid, lengths, last, False).x
    expected = reference_layer(x, valid, reference_weights(ours), layer, settings, training)

    wanted = [x, *ours.parameters()]
    gradients = torch.autograd.grad((output * direction).sum(), wanted)
    expected_gradients = torch.autograd.grad((expected * direction).sum(), wanted)
    largest = max(gradient.abs().max() for gradient in expected_gradients)
    worst = max((a - b).abs().max() for a, b in zip(gradients, expected_gradients, strict=True))
    return difference(output, expected), (worst / largest).item()


@pytest.mark.parametrize(("n", "n_layers", "layer", "alpha", "heads", "padding", "delays", "training"), GRID)
def test_a_layer_equals_the_reference(n, n_layers, layer, alpha, heads, padding, delays, training, record_property):
    outputs, gradients = compare_layer(n, n_layers, layer, alpha, heads, padding, delays, training, dtype=torch.float64)
    record_property("outputs", outputs)
    record_property("gradients", gradients)
    assert outputs < TOLERANCE
    assert gradients < TOLERANCE


@pytest.mark.parametrize("n", [15, 16])
def test_a_layer_equals_the_reference_in_single_precision(n):
    outputs, gradients = compare_layer(n, 2, 1, "0.6", 2, "right", "sequence", True, dtype=torch.float32)
    assert outputs < TOLERANCE
    assert gradients < TOLERANCE


@pytest.mark.parametrize(("n", "top_k", "kept"), [(13, 2.0, 5), (13, 0.1, 1), (3, 4.0, 3)])
def test_the_number_of_delays_follows_top_k(n, top_k, kept):
    settings = Settings(2, 2, "0.6", gamma=0.3, top_k=top_k, shared_delays=False)
    ours = hybrid_layer(n, 0, torch.float64, settings).eval()
    assert ours.branches[1].kept == kept
    x = torch.randn(2, n, 8, dtype=torch.float64)
    lengths = torch.tensor([n, 2])
    valid = tiny.validity(lengths, n, "right")
    output = ours(x, valid, lengths, lengths - 1, False).x
    expected = reference_layer(x, valid, reference_weights(ours), 0, settings, False)
    assert difference(output, expected) < TOLERANCE


def test_delays_of_the_batch_are_another_model_than_those_of_a_sequence():
    """Else the grid above could not tell them apart."""
    x = torch.randn(3, 13, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([13, 13, 13])
    outputs = []
    for shared in (False, True):
        settings = Settings(2, 2, "0.6", gamma=0.3, top_k=1.0, shared_delays=shared)
        ours = hybrid_layer(13, 1, torch.float64, settings).train()
        outputs.append(ours(x, tiny.validity(lengths, 13, "right"), lengths, lengths - 1, False).x)
    assert difference(*outputs) > 0.01


def test_the_reference_windows_are_those_of_the_released_setting():
    settings = Settings(2, 2, "0.6", gamma=0.1, top_k=1.0, shared_delays=False)
    assert kept_bins(50, 0, settings) == list(range(10, 26))
    assert kept_bins(50, 1, settings) == list(range(15))


def reference_representation(ours: Encoder, ids: Tensor, last: Tensor, settings: Settings, training: bool) -> Tensor:
    """The representation by the stacked reference, with the weights of our encoder."""
    embedding = ours.embedding
    return reference_encoder(
        ids,
        last,
        embedding.items.weight,
        embedding.positions.weight,
        {"norm.weight": embedding.norm.weight, "norm.bias": embedding.norm.bias},
        [reference_weights(layer) for layer in ours.layers],
        settings,
        training,
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize(
    ("n", "layers", "alpha", "delays", "training"),
    [
        (10, 2, "0.6", "sequence", True),
        (11, 2, "0.6", "batch", True),
        (11, 3, "0.2", "sequence", False),
        (10, 4, "0.5", "batch", True),
        (10, 1, "0.6", "batch", False),
    ],
)
def test_the_encoder_equals_the_stacked_reference(n, layers, alpha, delays, training, padding, dtype):
    config = tiny.config(
        f"model.max_length={n}",
        f"model.layers={layers}",
        "model.hidden_dropout=0",
        "model.attention_dropout=0",
        f"model.padding={padding}",
        f"window.alpha={alpha}",
        f"autocorr.delays={delays}",
    )
    ours = tiny.encoder(config).to(dtype).train(training)
    settings = Settings(layers, 2, alpha, gamma=0.1, top_k=1.0, shared_delays=delays == "batch")
    ids, lengths = tiny.sequences_batch([n, 4, 1], n, 20, padding)
    last = lengths - 1 if padding == "right" else torch.full_like(lengths, n - 1)

    output = ours.represent(ids, lengths)
    expected = reference_representation(ours, ids, last, settings, training)
    assert difference(output, expected) < TOLERANCE

    direction = torch.randn(output.shape, dtype=dtype, generator=torch.Generator().manual_seed(1))
    wanted = [ours.embedding.positions.weight, *ours.layers.parameters()]
    gradients = torch.autograd.grad((output * direction).sum(), wanted)
    expected_gradients = torch.autograd.grad((expected * direction).sum(), wanted)
    largest = max(gradient.abs().max() for gradient in expected_gradients)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert (gradient - expected_gradient).abs().max() / largest < TOLERANCE
