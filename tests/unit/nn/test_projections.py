"""Products that go past a projection and a filter agree with those of the projected, filtered signals."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.nn.projections import LinearMap, Signals, merge_heads, split_heads
from support import tiny

D, HEADS = 8, 2


def built(n, layer, *, lazy, seed=0):
    """The signals of a layer with a window filter: projected when needed, or all beforehand by an unknown filter."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64).requires_grad_()

    x = draw(3, n, D)
    maps = {name: LinearMap(draw(D, D), draw(D)) for name in ("q", "k", "v")}
    window = tiny.part("filter", "window", tiny.layer_shape(layer=layer, max_length=n), alpha=0.5)
    gain = window.response(n)[:, None]
    leaves = [x, *(tensor for linear in maps.values() for tensor in linear)]

    def filtered(signal):
        return torch.fft.irfft(gain * torch.fft.rfft(signal, dim=1), n=n, dim=1)

    if lazy:
        return Signals(x, {}, maps, filtered, window.constant), leaves
    projected = {name: x @ linear.weight.T + linear.bias for name, linear in maps.items()}
    return Signals(x, projected, {}, filtered, None), leaves


def rows(signal):
    return signal[:, 2:3]


USES = {
    "get": lambda signals, flags: signals.get("k", filtered=flags[0]),
    "rows": lambda signals, flags: signals.rows("q", rows, filtered=flags[0]),
    "products": lambda signals, flags: signals.products(
        split_heads(signals.rows("q", rows, filtered=flags[0]), HEADS), "k", filtered=flags[1]
    ),
    "gram": lambda signals, flags: signals.gram(filtered=flags[0]),
    "weighted": lambda signals, flags: signals.weighted(
        torch.linspace(-1, 1, 6 * signals.get("x").shape[1], dtype=torch.float64).view(3, HEADS, 1, -1),
        "v",
        filtered=flags[0],
    ),
    "weighted alike": lambda signals, flags: signals.weighted(
        torch.linspace(-1, 1, 3 * signals.get("x").shape[1], dtype=torch.float64).view(3, 1, 1, -1),
        "v",
        filtered=flags[0],
    ),
}


@pytest.mark.parametrize("use", USES)
@given(
    n=st.integers(3, 12),
    layer=st.sampled_from([0, 1]),  # without and with frequency 0, past which a bias does not and does go
    flags=st.tuples(st.booleans(), st.booleans()),
    seed=st.integers(0, 9),
)
def test_products_and_gradients_are_those_of_projected_signals(use, n, layer, flags, seed):
    outs, grads = [], []
    for lazy in (True, False):
        signals, leaves = built(n, layer, lazy=lazy, seed=seed)
        out = USES[use](signals, flags)
        found = torch.autograd.grad(out.square().sum(), leaves, allow_unused=True)
        outs.append(out)
        grads.append(
            [torch.zeros_like(leaf) if grad is None else grad for leaf, grad in zip(leaves, found, strict=True)]
        )
    torch.testing.assert_close(outs[0], outs[1])
    for mine, expected in zip(*grads, strict=True):
        torch.testing.assert_close(mine, expected, rtol=1e-6, atol=1e-8)


def test_a_signal_is_computed_once():
    signals, _ = built(5, 0, lazy=True)
    for filtered in (False, True):
        assert signals.get("q", filtered=filtered) is signals.get("q", filtered=filtered)


def test_one_wanted_position_projects_nothing_else():
    signals, _ = built(5, 1, lazy=True)
    for filtered in (False, True):
        USES["products"](signals, (filtered, filtered))
        USES["weighted"](signals, (filtered, filtered))
        signals.gram(filtered=filtered)
    assert signals._plain.keys() == {"x"}
    assert signals._filtered.keys() == {"x"}


def test_where_every_position_is_wanted_each_signal_is_projected_once():
    signals, _ = built(5, 1, lazy=True)
    queries = signals.rows("q", lambda signal: signal, filtered=True)
    products = signals.products(split_heads(queries, HEADS), "k", filtered=True)
    context = signals.weighted(products.softmax(-1), "v", filtered=True)
    assert queries is signals.get("q", filtered=True)
    assert signals._filtered.keys() == {"x", "q", "k", "v"}
    values = split_heads(signals.get("v", filtered=True), HEADS)
    torch.testing.assert_close(context, merge_heads(products.softmax(-1) @ values))


def test_what_a_layer_does_not_project_is_not_there():
    x = torch.zeros(1, 3, D)
    signals = Signals(x, {"q": x}, {}, lambda signal: signal, 1.0)
    with pytest.raises(KeyError):
        signals.get("k")
    with pytest.raises(KeyError):
        signals.get("v", filtered=True)


def test_heads_are_split_and_merged():
    x = torch.randn(3, 5, D)
    heads = split_heads(x, HEADS)
    assert torch.equal(heads[:, 1], x[..., D // HEADS :])
    assert torch.equal(merge_heads(heads), x)
