"""What the contract of its kind asks of every registered component, whoever wrote it."""

import pytest
import torch
from torch import nn

from fearec_cli.api import LossInputs
from fearec_cli.components.options import describe_options
from fearec_cli.components.registry import load_adapters, load_components
from fearec_cli.errors import ConfigError
from fearec_cli.nn.contracts import Attention, Filter, Fusion, Loss
from support import tiny

EVERYTHING = list(load_components())
NAMES = {kind: [e.name for e in load_components().of_kind(kind)] for kind in ("filter", "attention", "fusion", "loss")}
DTYPES = [torch.float32, torch.float64]
LENGTHS = [10, 4, 1]
VIEWS = ("dropout", "semantic")


def every(kind):
    return pytest.mark.parametrize("name", NAMES[kind])


def accepts(fusion, branches):
    try:
        tiny.part("fusion", fusion, tiny.layer_shape(), branches)
    except ConfigError:
        return False
    return True


# The numbers of branches that each fusion joins, among those that a model is likely to have.
JOINS = {name: [branches for branches in (1, 2, 3) if accepts(name, branches)] for name in NAMES["fusion"]}


def every_causal(kind):
    names = [name for name in NAMES[kind] if load_components().get(kind, name).component.causal]
    return pytest.mark.parametrize("name", names)


def built(kind, name, *built_with, dtype=torch.float32):
    torch.manual_seed(0)
    part = tiny.part(kind, name, *built_with)
    return part.to(dtype) if isinstance(part, nn.Module) else part


def random(*shape, dtype=torch.float32, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def assert_learns(part, output, *inputs):
    """Finite gradients at the inputs, some of them not zero, and at every parameter."""
    direction = random(*output.shape, dtype=output.dtype, seed=9)
    parameters = list(part.parameters()) if isinstance(part, nn.Module) else []
    gradients = torch.autograd.grad((output * direction).sum(), [*inputs, *parameters], allow_unused=True)
    reached = gradients[: len(inputs)]
    assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)
    assert any(gradient is not None and gradient.any() for gradient in reached)
    assert all(gradient is not None and gradient.any() for gradient in gradients[len(inputs) :])


@pytest.mark.parametrize("entry", [*EVERYTHING, *load_adapters()], ids=lambda entry: entry.name)
def test_it_tells_what_it_is_and_where_it_comes_from(entry):
    summary, source = entry.component.summary, entry.component.source
    assert len(summary) > 15
    assert summary.endswith(".")
    assert "\n" not in summary
    assert len(source) > 10


@pytest.mark.parametrize("entry", [*EVERYTHING, *load_adapters()], ids=lambda entry: entry.name)
def test_its_options_are_documented_with_default_and_type(entry):
    for row in describe_options(entry.component.options):
        assert row.description, row.name
        assert row.type, row.name
        assert row.default, row.name
    defaults = entry.component.options()
    assert entry.component.options.model_validate(defaults.model_dump()) == defaults


@every("filter")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [10, 11])
def test_a_filter_keeps_shape_and_type_and_learns(name, n, dtype):
    part = built("filter", name, tiny.layer_shape(max_length=n), dtype=dtype)
    assert isinstance(part, Filter)
    x = random(3, n, 8, dtype=dtype).requires_grad_()
    out = part(x, torch.tensor(LENGTHS))
    assert out.shape == x.shape
    assert out.dtype == dtype
    assert_learns(part, out, x)


@every("filter")
@pytest.mark.parametrize("n", [10, 11, 12, 25])
def test_a_filter_tells_its_response_at_any_length(name, n):
    response = built("filter", name, tiny.layer_shape()).response(n)
    assert response.shape in {(n // 2 + 1,), (n // 2 + 1, 8)}
    assert response.isfinite().all()
    assert response.any()


@every_causal("filter")
def test_a_causal_filter_does_not_see_the_future(name):
    part = built("filter", name, tiny.layer_shape())
    x = random(3, 10, 8)
    for t in (0, 5, 9):
        other = x.clone()
        other[:, t + 1 :] += 10
        lengths = torch.tensor([10, 10, 10])
        assert torch.equal(part(x, lengths)[:, : t + 1], part(other, lengths)[:, : t + 1])


@every("attention")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("filter_name", NAMES["filter"])
@pytest.mark.parametrize("padding", ["right", "left"])
def test_an_attention_keeps_shape_and_type_and_learns(name, filter_name, last_only, dtype, padding):
    shape = tiny.layer_shape()
    part = built("attention", name, shape, dtype=dtype)
    assert isinstance(part, Attention)
    assert part.projections <= {"q", "k", "v"}
    signals = {
        signal: random(3, 10, 8, dtype=dtype, seed=seed).requires_grad_()
        for seed, signal in enumerate(("x", *sorted(part.projections)))
    }
    inputs = tiny.layer_inputs(
        shape,
        layer_filter=built("filter", filter_name, shape, dtype=dtype),
        lengths=LENGTHS,
        padding=padding,
        last_only=last_only,
        dtype=dtype,
        **signals,
    )
    out = part(inputs)
    assert out.shape == (3, 1 if last_only else 10, 8)
    assert out.dtype == dtype
    assert out.isfinite().all()
    assert_learns(part, out, *signals.values())


@every("attention")
def test_an_attention_reads_every_projection_that_it_declares(name):
    shape = tiny.layer_shape()
    part = built("attention", name, shape)
    signals = {signal: random(3, 10, 8, seed=seed).requires_grad_() for seed, signal in enumerate("qkvx")}
    out = part(tiny.layer_inputs(shape, **signals))
    gradients = torch.autograd.grad((out * random(*out.shape)).sum(), signals.values(), allow_unused=True)
    reads = {
        signal for signal, gradient in zip(signals, gradients, strict=True) if gradient is not None and gradient.any()
    }
    assert reads - {"x"} == part.projections


@every_causal("attention")
def test_a_causal_attention_does_not_see_the_future(name):
    shape = tiny.layer_shape()
    part = built("attention", name, shape).eval()
    signals = {signal: random(3, 10, 8, seed=seed) for seed, signal in enumerate(("x", "q", "k", "v"))}
    for t in (0, 5, 9):
        other = {signal: values.clone() for signal, values in signals.items()}
        for values in other.values():
            values[:, t + 1 :] += 10
        before, after = (part(tiny.layer_inputs(shape, **given)) for given in (signals, other))
        assert torch.equal(before[:, : t + 1], after[:, : t + 1])


@every("fusion")
def test_a_fusion_joins_one_branch_or_two(name):
    assert set(JOINS[name]) & {1, 2}


@pytest.mark.parametrize(("name", "branches"), [(name, count) for name in JOINS for count in JOINS[name]])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("positions", [1, 10])
def test_a_fusion_keeps_shape_and_type_and_learns(name, branches, positions, dtype):
    part = built("fusion", name, tiny.layer_shape(), branches, dtype=dtype)
    assert isinstance(part, Fusion)
    *contexts, x = (random(3, positions, 8, dtype=dtype, seed=s).requires_grad_() for s in range(branches + 1))
    out = part(contexts, x)
    assert out.shape == x.shape
    assert out.dtype == dtype
    assert_learns(part, out, *contexts, x)


@every_causal("fusion")
def test_a_causal_fusion_does_not_see_the_future(name):
    branches = JOINS[name][-1]
    part = built("fusion", name, tiny.layer_shape(), branches)
    signals = [random(3, 10, 8, seed=seed) for seed in range(branches + 1)]
    for t in (0, 5, 9):
        other = [signal.clone() for signal in signals]
        for signal in other:
            signal[:, t + 1 :] += 10
        before, after = (part(given[:-1], given[-1]) for given in (signals, other))
        assert torch.equal(before[:, : t + 1], after[:, : t + 1])


def loss_inputs(views, dtype=torch.float32, batch=3):
    """Inputs that hold exactly what a term declares to read, and all tensors that it may learn through."""
    passes = {view: random(batch, 8, dtype=dtype, seed=seed).requires_grad_() for seed, view in enumerate(VIEWS)}
    passes = {view: signal for view, signal in passes.items() if view in views}
    at_all = {}
    if "positions" in views:
        at_all = {
            view: random(batch, 10, 8, dtype=dtype, seed=seed).requires_grad_()
            for seed, view in enumerate(("anchor", *passes))
        }
    branches = tuple(random(batch, 8, dtype=dtype, seed=s).requires_grad_() for s in (5, 6))
    spectrum = random(batch, 6, 8, dtype=dtype, seed=7).abs().requires_grad_()
    inputs = LossInputs(
        anchor=random(batch, 8, dtype=dtype, seed=8).requires_grad_(),
        targets=torch.arange(batch) % 2,
        items=random(12, 8, dtype=dtype, seed=9).requires_grad_(),
        views=passes,
        positions=at_all,
        branches=branches if "branches" in views else (),
        spectrum=spectrum if "spectrum" in views else None,
    )
    optional = [*inputs.views.values(), *inputs.positions.values(), *inputs.branches]
    optional += [inputs.spectrum] if inputs.spectrum is not None else []
    return inputs, [inputs.anchor, inputs.items, *optional]


@every("loss")
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_loss_is_a_finite_number_and_learns_from_the_views_it_declares(name, dtype):
    part = built("loss", name, dtype=dtype)
    assert isinstance(part, Loss)
    inputs, tensors = loss_inputs(part.views, dtype)
    out = part(inputs)
    assert out.shape == ()
    assert out.dtype == dtype
    assert out.isfinite()
    assert_learns(part, out, *tensors)


@every("loss")
def test_a_loss_of_a_batch_of_one_is_finite(name):
    part = built("loss", name)
    inputs, _ = loss_inputs(part.views, batch=1)
    assert part(inputs).isfinite()


@pytest.mark.parametrize("entry", EVERYTHING, ids=lambda entry: entry.name)
def test_its_state_makes_another_one_equal(entry):
    place = {
        "filter": lambda: (tiny.layer_shape(),),
        "attention": lambda: (tiny.layer_shape(),),
        "fusion": lambda: (tiny.layer_shape(), JOINS[entry.name][0]),
        "loss": lambda: (),
    }[entry.kind]()
    torch.manual_seed(0)
    one = entry.component.build(entry.component.options(), *place)
    torch.manual_seed(1)
    other = entry.component.build(entry.component.options(), *place)
    if not isinstance(one, nn.Module):
        assert not any(isinstance(value, torch.Tensor) for value in vars(one).values())
        return
    state = {name: value + 0.25 for name, value in one.state_dict().items()}
    other.load_state_dict(state, strict=True)
    assert other.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in other.state_dict().items())
