"""Spectra of each history's own length, and what stands at padding where they have the model's."""

import pytest
import torch

from fearec_cli.errors import ConfigError
from fearec_cli.nn.fills import filled
from support import tiny

# Windows of more than one bin: with a single one delays are equally good, and rounding would choose.
MODELS = {
    "fearec": ("fearec", {"assignments": ("window.alpha=0.9",)}),
    "many delays": ("fearec", {"assignments": ("window.alpha=0.9", "autocorr.top_k=3.0")}),
    "window alone": ("sasrec", {"attention": "ramp", "filter": "window"}),
    "bsarec": ("bsarec", {"assignments": ("band-rescale.cutoff=2",)}),
}


def encoder(which: str, *assignments: str):
    preset, about = MODELS[which]
    flags = {name: value for name, value in about.items() if name != "assignments"}
    return tiny.encoder(tiny.recipe(*about.get("assignments", ()), *assignments, preset=preset, **flags))


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("which", MODELS)
@pytest.mark.parametrize("requested", [(), ("positions",)])
def test_a_history_is_encoded_as_a_model_of_its_length_encodes_it(which: str, padding: str, requested: tuple) -> None:
    lengths = [10, 9, 5, 4]
    model = encoder(which, "model.spectrum=true-length", f"model.padding={padding}")
    ids, sizes = tiny.sequences_batch(lengths, 10, 20, padding)
    found = model(ids, sizes, requested)
    for row, length in enumerate(lengths):
        # The low band ends at the same frequency, which a short history has fewer bins below.
        low = [f"band-rescale.cutoff={-(-2 * length // 10)}"] if which == "bsarec" else []
        short = encoder(which, f"model.max_length={length}", *low)
        state = {
            name: value[-length:] if name == "embedding.positions.weight" and padding == "left" else value
            for name, value in model.state_dict().items()
        }
        state["embedding.positions.weight"] = state["embedding.positions.weight"][:length]
        short.load_state_dict(state)
        own = slice(0, length) if padding == "right" else slice(10 - length, 10)
        expected = short(ids[row : row + 1, own], sizes[row : row + 1], ("positions",))
        torch.testing.assert_close(found.representation[row], expected.representation[0], rtol=1e-4, atol=1e-4)
        if requested:
            torch.testing.assert_close(found.positions[row, own], expected.positions[0], rtol=1e-4, atol=1e-4)


def test_of_equally_good_delays_the_shortest_counts() -> None:
    """A constant is correlated alike at every delay, up to rounding."""
    shape = tiny.layer_shape(spectrum="true-length")
    same = torch.full((1, 10, 8), 0.1)
    inputs = tiny.layer_inputs(shape, lengths=[7], batch=1, q=same, k=same * 0.7)
    delays, weights = tiny.part("attention", "autocorr", shape).delays(inputs)
    assert (int(delays[0, 0]), weights.tolist()) == (0, [[1, 0]])  # 7 positions keep one delay, 10 two


def test_gradients_are_finite_for_a_history_of_one_item_too() -> None:
    model = encoder("fearec", "model.spectrum=true-length").train()
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    model(ids, lengths).representation.square().mean().backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize(
    ("flags", "assignments", "problem"),
    [
        ({"filter": "global"}, (), "global has one spectrum"),
        ({"filter": "slide"}, (), "slide has one spectrum"),
        ({"filter": "learnable-ramp"}, (), "learnable-ramp has one spectrum"),
        ({"filter": "band-gate"}, (), "band-gate has one spectrum"),
        ({"filter": "adaptive-wavelet"}, (), "adaptive-wavelet has one spectrum"),
        ({"attention": "ramp+autocorr-softmax"}, (), "autocorr-softmax has one spectrum"),
        ({}, ("autocorr.delays=batch",), "autocorr.delays"),
        ({}, ("model.max_length=300",), "window takes 256 positions at most"),
    ],
)
def test_what_has_one_length_is_named(flags: dict[str, str], assignments: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        tiny.encoder(tiny.recipe("model.spectrum=true-length", *assignments, **flags))


@pytest.mark.parametrize(
    ("fill", "padding", "rows"),
    [
        ("cyclic", "right", [[1, 2, 3, 1, 2, 3, 1], [4, 4, 4, 4, 4, 4, 4], [5, 6, 5, 6, 5, 6, 5]]),
        ("reflect", "right", [[1, 2, 3, 2, 1, 2, 3], [4, 4, 4, 4, 4, 4, 4], [5, 6, 5, 6, 5, 6, 5]]),
        ("cyclic", "left", [[3, 1, 2, 3, 1, 2, 3], [4, 4, 4, 4, 4, 4, 4], [6, 5, 6, 5, 6, 5, 6]]),
        ("reflect", "left", [[1, 2, 3, 2, 1, 2, 3], [4, 4, 4, 4, 4, 4, 4], [6, 5, 6, 5, 6, 5, 6]]),
    ],
)
def test_padding_is_filled_from_the_history(fill: str, padding: str, rows: list[list[int]]) -> None:
    histories = [[1, 2, 3], [4], [5, 6]]
    lengths = torch.tensor([3, 1, 2])
    blank = [[0] * (7 - len(history)) for history in histories]
    pairs = zip(histories, blank, strict=True)
    ids = torch.tensor([history + zeros if padding == "right" else zeros + history for history, zeros in pairs])
    assert filled(ids, lengths, padding, fill).tolist() == rows


@pytest.mark.parametrize("fill", ["cyclic", "reflect"])
def test_filters_find_what_is_filled_in_and_attention_does_not(fill: str) -> None:
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    moved = {}
    for which, preset, flags in (("dot", "sasrec", {}), ("filter", "fmlp-rec", {})):
        recipes = [tiny.recipe(f"model.fill={name}", preset=preset, **flags) for name in ("zero", fill)]
        plain, other = map(tiny.encoder, recipes)
        moved[which] = (plain.represent(ids, lengths) - other.represent(ids, lengths)).abs().amax(1)
    assert moved["dot"].max() < 1e-6
    assert moved["filter"][0] < 1e-6  # no padding
    assert moved["filter"][1:].min() > 1e-3
