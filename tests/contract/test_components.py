"""Every registered filter, attention, fusion and loss keeps the contract that plugin authors are held to.

The contract itself is in `fearec_cli.testing`. What follows it here holds for first-party components only: a plugin
may start with a parameter whose gradient is zero, or with a response of zeros.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fearec_cli import testing
from fearec_cli.api import LossInputs
from fearec_cli.components.options import describe_options
from fearec_cli.components.registry import Kind, Registered, load_adapters, load_components
from fearec_cli.errors import ConfigError
from fearec_cli.nn.contracts import Attention, Filter, Fusion, Loss
from support import tiny

PROTOCOLS: dict[str, type] = {"filter": Filter, "attention": Attention, "fusion": Fusion, "loss": Loss}
LENGTHS = [10, 4, 1]
BATCH = len(LENGTHS)


def every(*kinds: Kind) -> Any:
    """One case a component of these kinds."""
    entries = [entry for kind in kinds for entry in load_components().of_kind(kind)]
    return pytest.mark.parametrize("entry", entries, ids=lambda entry: entry.name)


def built(entry: Registered, *built_with: Any) -> Any:
    """The component with its default options."""
    torch.manual_seed(0)
    return entry.component.build(entry.component.options(), *built_with)


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def assert_learns(component: Any, output: Tensor, *inputs: Tensor) -> None:
    """A gradient that is not zero at some input and at every parameter, and finite everywhere."""
    parameters = list(component.parameters()) if isinstance(component, nn.Module) else []
    total = (output * random(*output.shape, seed=9).detach()).sum()
    gradients = torch.autograd.grad(total, [*inputs, *parameters], allow_unused=True)
    assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)
    assert any(gradient is not None and gradient.any() for gradient in gradients[: len(inputs)])
    assert all(gradient is not None and gradient.any() for gradient in gradients[len(inputs) :])


@every("filter", "attention", "fusion", "loss")
def test_it_keeps_the_contract_of_its_kind(entry: Registered) -> None:
    check: Callable[..., None] = getattr(testing, f"check_{entry.kind}")
    check(entry.component)


@pytest.mark.parametrize("entries", [load_components(), load_adapters()], ids=["components", "adapters"])
def test_everything_says_what_it_is_and_where_it_comes_from(entries: Any) -> None:
    for entry in entries:
        summary, source = entry.component.summary, entry.component.source
        assert len(summary) > 15, entry.label
        assert summary.endswith("."), entry.label
        assert "\n" not in summary, entry.label
        assert len(source) > 10, entry.label


@pytest.mark.parametrize("entries", [load_components(), load_adapters()], ids=["components", "adapters"])
def test_every_option_is_documented_with_default_and_type(entries: Any) -> None:
    for entry in entries:
        options = entry.component.options
        for row in describe_options(options):
            assert all((row.description, row.type, row.default)), f"{entry.label}: {row.name}"
        assert options.model_validate(options().model_dump()) == options(), entry.label


@every("filter")
def test_a_filter_learns_and_has_a_response(entry: Registered) -> None:
    component, x = built(entry, tiny.layer_shape()), random(BATCH, 10, 8, seed=0)
    assert isinstance(component, Filter)
    assert_learns(component, component(x, torch.tensor(LENGTHS)), x)
    assert component.response(25).any()


@every("attention")
@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("last_only", [False, True])
def test_an_attention_learns_under_every_filter(entry: Registered, last_only: bool, padding: Any) -> None:
    shape = tiny.layer_shape()
    for layer_filter in load_components().of_kind("filter"):
        component = built(entry, shape)
        assert isinstance(component, Attention)
        signals = {name: random(BATCH, 10, 8, seed=seed) for seed, name in enumerate(("x", *component.projections))}
        inputs = tiny.layer_inputs(
            shape,
            layer_filter=built(layer_filter, shape),
            lengths=LENGTHS,
            padding=padding,
            last_only=last_only,
            **signals,
        )
        out = component(inputs)
        assert out.shape == (BATCH, 1 if last_only else 10, 8)
        assert out.isfinite().all()
        assert_learns(component, out, *signals.values())


@every("fusion")
def test_a_fusion_learns_from_one_branch_or_from_two(entry: Registered) -> None:
    joined = 0
    for branches in (1, 2):
        try:
            component = built(entry, tiny.layer_shape(), branches)
        except ConfigError:
            continue
        joined += 1
        assert isinstance(component, Fusion)
        *contexts, x = (random(BATCH, 10, 8, seed=seed) for seed in range(branches + 1))
        assert_learns(component, component(contexts, x), *contexts, x)
    assert joined


@every("loss")
def test_a_loss_learns_and_holds_nothing_between_calls(entry: Registered) -> None:
    component = built(entry)
    assert isinstance(component, Loss)
    declared = component.views
    augmented = {view: random(BATCH, 8, seed=seed) for seed, view in enumerate(("dropout", "semantic"))}
    augmented = {view: signal for view, signal in augmented.items() if view in declared}
    everywhere = {view: random(BATCH, 10, 8, seed=seed) for seed, view in enumerate(("anchor", *augmented))}
    inputs = LossInputs(
        representation=random(BATCH, 8, seed=8),
        targets=torch.arange(BATCH) % 2,
        items=random(12, 8, seed=9),
        views=augmented,
        positions=everywhere if "positions" in declared else {},
        branches=tuple(random(BATCH, 8, seed=seed) for seed in (5, 6)) if "branches" in declared else (),
        spectrum=random(BATCH, 6, 8, seed=7).detach().abs().requires_grad_() if "spectrum" in declared else None,
        memory=random(BATCH, 8, seed=4).detach() if "memory" in declared else None,
        penalty=random(seed=3) if "penalty" in declared else None,
    )
    spectrum = [signal for signal in (inputs.spectrum, inputs.penalty) if signal is not None]
    tensors = [inputs.representation, inputs.items, *augmented.values(), *inputs.positions.values(), *inputs.branches]
    assert_learns(component, component(inputs), *tensors, *spectrum)
    if not isinstance(component, nn.Module):
        assert not any(isinstance(value, Tensor) for value in vars(component).values())
