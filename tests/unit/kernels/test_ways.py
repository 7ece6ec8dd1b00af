"""The fused way of every operation against the equations, values and gradients; and who takes which."""

import pytest
import torch
from torch import nn

from fearec_cli import kernels
from fearec_cli.errors import ConfigError
from fearec_cli.kernels import cpu, cpu_attention, fused_on_cpu
from support import tiny

B, N, D, HEADS = 4, 11, 8, 2
LENGTHS = [1, 2, 6, N]
DOUBLE = torch.float64


def draw(*sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*size, generator=generator, dtype=DOUBLE).requires_grad_() for size in sizes]


def linear(inputs, outputs, seed):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs, dtype=DOUBLE)


def feed_forward():
    expand, dense = linear(D, 16, 0), linear(16, D, 1)
    leaves = [*draw((B, N, D)), *expand.parameters(), *dense.parameters()]
    return leaves, lambda: kernels.feed_forward(leaves[0], expand, dense)


def attention(padding, *, relative=False, lengths=LENGTHS):
    leaves = draw((B, N, D), (B, N, D), (B, N, D), (HEADS, N), (N, HEADS, D // HEADS))
    leaves = leaves if relative else leaves[:3]
    valid = tiny.validity(torch.tensor(lengths), N, padding)
    tables = dict(zip(("bias", "values"), leaves[3:], strict=False))
    return leaves, lambda: kernels.attention(*leaves[:3], heads=HEADS, valid=valid, **tables)


def last_position(padding, *, relative=False):
    """The layer's map, projected or gone past."""
    projection = linear(D, 3 * D, 0)
    leaves = [*draw((B, N, D), (HEADS, N), (N, HEADS, D // HEADS)), *projection.parameters()]
    valid, lengths = tiny.validity(torch.tensor(LENGTHS), N, padding), torch.tensor(LENGTHS)
    last = lengths - 1 if padding == "right" else torch.full_like(lengths, N - 1)
    tables = {"bias": leaves[1], "values": leaves[2]} if relative else {}
    leaves = leaves if relative else [leaves[0], *leaves[3:]]

    def run():
        q, k, v = kernels.project(leaves[0], projection, 3)
        rows = torch.arange(B), last
        query = kernels.every(q)[rows][:, None]
        return kernels.attention(query, k, v, heads=HEADS, valid=valid, last=last, **tables)

    return leaves, run


def row_products():
    projection = linear(D, 2 * D, 0)
    leaves = [*draw((B, N, D)), *projection.parameters()]
    return leaves, lambda: kernels.row_products(*kernels.project(leaves[0], projection, 2))


def weighted():
    projection = linear(D, D, 0)
    leaves = [*draw((B, N, D), (B, HEADS, 1, N)), *projection.parameters()]
    return leaves, lambda: kernels.weighted(leaves[1], kernels.project(leaves[0], projection, 1)[0])


OPERATIONS = {
    "feed forward": feed_forward,
    "attention": lambda: attention("right"),
    "attention, padding left": lambda: attention("left"),
    "attention, short histories": lambda: attention("left", lengths=[3, 2, 1, 2]),
    "attention by distance": lambda: attention("right", relative=True),
    "attention by distance, padding left": lambda: attention("left", relative=True),
    "last position": lambda: last_position("right"),
    "last position, padding left": lambda: last_position("left"),
    "last position by distance": lambda: last_position("left", relative=True),
    "products of projections": row_products,
    "sums of projections": weighted,
}


@pytest.fixture(params=[1, 150, 100_000], ids=lambda size: f"{size} numbers")
def _tiles(request, monkeypatch):
    """From one position of one sequence at a time to the whole batch, with scores both ways round."""
    monkeypatch.setattr(cpu_attention, "_NUMBERS", request.param)
    monkeypatch.setattr(cpu_attention, "_FEW_KEYS", 4)
    monkeypatch.setattr(cpu, "_ROWS", 5)


@pytest.mark.usefixtures("_tiles")
@pytest.mark.parametrize("operation", OPERATIONS)
def test_fused_and_plain_agree_in_values_and_gradients(operation):
    found = {}
    for mode in ("auto", "plain"):
        leaves, run = OPERATIONS[operation]()
        with kernels.using(mode):
            out = run()
        found[mode] = [out, *torch.autograd.grad(out.square().sum(), leaves)]
    for fused, plain in zip(*found.values(), strict=True):
        torch.testing.assert_close(fused, plain)


@pytest.mark.parametrize("relative", [False, True])
def test_torchs_fused_attention_agrees_too(relative):
    """Another device takes it; on a CPU it is the same formula."""
    leaves, _ = attention("left", relative=relative)
    (q, k, v), bias = leaves[:3], leaves[3] if relative else None
    valid = tiny.validity(torch.tensor(LENGTHS), N, "left")
    out = kernels.plain.fused_attention(q, k, v, HEADS, valid, None, 0.0, bias)
    with kernels.using("plain"):
        expected = kernels.attention(q, k, v, heads=HEADS, valid=valid, bias=bias)
    torch.testing.assert_close(out, expected)
    for mine, plain in zip(
        torch.autograd.grad(out.square().sum(), leaves[: 3 + relative]),
        torch.autograd.grad(expected.square().sum(), leaves[: 3 + relative]),
        strict=True,
    ):
        torch.testing.assert_close(mine, plain)


@pytest.mark.parametrize("mode", ["auto", "plain"])
def test_dropout_keeps_expectations(mode):
    torch.manual_seed(0)
    x = torch.ones(200_000, requires_grad=True)
    with kernels.using(mode):
        out = kernels.dropout(x, 0.25)
    assert out.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(torch.autograd.grad(out.sum(), x)[0], out)


FUSED = ("feed forward", "attention", "attention by distance", "last position", "products of projections")


@pytest.mark.parametrize("operation", FUSED)
def test_a_second_derivative_is_an_error_where_functions_are_fused_and_there_in_plain(operation):
    leaves, run = OPERATIONS[operation]()
    with pytest.raises(RuntimeError, match="FEAREC_KERNELS=plain"):
        # The sum's gradient is a constant: torch would give no second derivative, and no error.
        torch.autograd.grad(run().sum(), leaves[:1], create_graph=True)
    with kernels.using("plain"):
        (gradient,) = torch.autograd.grad(run().square().sum(), leaves[:1], create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), leaves[:1])
    assert second.abs().sum() > 0


def test_the_condition():
    x, plain = torch.zeros(2), nn.Linear(2, 2)
    assert fused_on_cpu(x, plain)
    assert not fused_on_cpu(x.to("meta"))
    with kernels.using("plain"):
        assert not fused_on_cpu(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not fused_on_cpu(x)
        assert fused_on_cpu(x, casts=False)


def test_a_linear_map_that_somebody_changed_is_called():
    class Quantised(nn.Linear):
        pass

    hooked, called, replaced = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    hooked.register_forward_hook(lambda *_: None)
    called.register_full_backward_hook(lambda *_: None)
    replaced.forward = lambda x: x
    parametrised = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    for linear in (Quantised(2, 2), hooked, called, replaced, parametrised):
        assert not fused_on_cpu(torch.zeros(2), linear)


def test_a_profilers_hook_on_every_module_counts():
    handle = nn.modules.module.register_module_forward_hook(lambda *_: None)
    try:
        assert not fused_on_cpu(torch.zeros(2), nn.Linear(2, 2))
    finally:
        handle.remove()


def test_an_unknown_mode_is_an_error_of_one_line(monkeypatch):
    monkeypatch.setattr(kernels, "_mode", "fast")
    with pytest.raises(ConfigError, match='FEAREC_KERNELS: must be "auto" or "plain", not \'fast\''):
        tiny.encoder(tiny.config())
