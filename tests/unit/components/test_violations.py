"""A part of somebody's package that breaks its contract is refused by name, package and reason when it is used."""

from typing import Any

import pytest
import torch
from torch import nn

from fearec_cli.api import Component, Options
from fearec_cli.components.registry import Kind, Registered, Registry, load_components
from fearec_cli.components.violations import errors_of
from fearec_cli.config import Recipe, RunConfig, load_recipe
from fearec_cli.errors import DataError, PluginError, TerminatedError
from fearec_cli.model.build import build_encoder
from fearec_cli.training.objective import Objective
from support import tiny

FOREIGN = "of package 'acme 2.1' breaks its contract: "


class NoOptions(Options):
    """It has none."""


def with_foreign(kind: Kind, build: Any) -> tuple[RunConfig, Registry]:
    """A small model whose part of this kind comes from another package."""
    component = Component(name="foreign", options=NoOptions, build=build, summary="A part.", source="Nowhere")
    registry = Registry([*load_components(), Registered(component, kind, "acme", "2.1")])
    config = load_recipe(
        registry,
        preset="fearec",
        flags={kind: "foreign" if kind != "attention" else "ramp+foreign"},
        assignments=tiny.SMALL,
    ).config
    return config, registry


def refused(kind: Kind, build: Any) -> str:
    config, registry = with_foreign(kind, build)
    with pytest.raises(PluginError) as caught:
        build_encoder(Recipe.of(config, registry), n_items=5)
    text = str(caught.value)
    assert text.startswith(f"{kind} 'foreign' {FOREIGN}")
    assert "\n" not in text
    return text.split(FOREIGN)[1]


class Filter:
    def __init__(self, compute: Any) -> None:
        self.compute = compute

    def __call__(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        return self.compute(x)

    def response(self, n: int) -> torch.Tensor:
        return torch.ones(n // 2 + 1)


class Attention(nn.Module):
    projections = frozenset({"v"})

    def __init__(self, compute: Any) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, inputs: Any) -> Any:
        return self.compute(inputs)


def test_a_filter() -> None:
    reason = refused("filter", lambda options, shape: Filter(lambda x: x[:, 1:]))
    assert reason == "output: expected float32 [2, 10, 8], got float32 [2, 9, 8]"


def test_a_filter_without_a_response() -> None:
    reason = refused("filter", lambda options, shape: lambda x, lengths: x)
    assert reason == "filter: expected something to call, with response(n), got function"


def test_an_attention_without_projections() -> None:
    reason = refused("attention", lambda options, shape: lambda inputs: inputs.x)
    assert reason == "attention: expected something to call, with projections, got function"


def test_a_filter_that_raises() -> None:
    reason = refused("filter", lambda options, shape: Filter(lambda x: x @ torch.ones(3, 3)))
    assert reason.startswith("call: expected a result, got RuntimeError: ")


def test_a_filter_may_have_errors_of_its_own() -> None:
    def complain(x: Any) -> Any:
        raise DataError("no such wavelet")

    config, registry = with_foreign("filter", lambda options, shape: Filter(complain))
    with pytest.raises(DataError, match="no such wavelet"):
        build_encoder(Recipe.of(config, registry), n_items=5)


def test_an_attention() -> None:
    reason = refused("attention", lambda options, shape: Attention(lambda inputs: inputs.v.double()))
    assert reason == "output: expected float32 [2, 10, 8], got float64 [2, 10, 8]"


def test_an_attention_that_ignores_which_positions_are_wanted() -> None:
    reason = refused("attention", lambda options, shape: Attention(lambda inputs: inputs.v))
    assert reason == "output: expected float32 [2, 1, 8], got float32 [2, 10, 8]"


def test_an_attention_that_reads_what_it_does_not_declare() -> None:
    reason = refused("attention", lambda options, shape: Attention(lambda inputs: inputs.q))
    assert reason == "inputs: expected no other than `projections` declares, got a read of 'q'"


def test_a_fusion() -> None:
    reason = refused("fusion", lambda options, shape, branches: lambda contexts, x: torch.cat([*contexts], -1))
    assert reason == "output: expected float32 [2, 10, 8], got float32 [2, 10, 16]"


def test_the_probe_leaves_no_trace() -> None:
    seen: list[bool] = []

    class Noisy(nn.Module):
        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            seen.append(self.training or torch.is_grad_enabled())
            return x + torch.rand(())

        def response(self, n: int) -> torch.Tensor:
            return torch.ones(n // 2 + 1)

    config, registry = with_foreign("filter", lambda options, shape: Noisy())
    torch.manual_seed(0)
    one = build_encoder(Recipe.of(config, registry), n_items=5)
    assert seen
    assert not any(seen)
    assert all(module.training for module in one.modules())
    torch.manual_seed(0)
    other = tiny.config()
    expected = build_encoder(Recipe.of(other, load_components()), n_items=5).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize(
    ("compute", "reason"),
    [
        (lambda inputs: inputs.representation.sum(-1), "value: expected one float32, got float32 [3]"),
        (lambda inputs: 0.5, "value: expected one float32, got float"),
        (
            lambda inputs: inputs.views["dropout"].sum(),
            "inputs: expected no other than `views` declares, got a read of 'dropout'",
        ),
    ],
)
def test_a_loss(compute: Any, reason: str) -> None:
    class Term:
        views: frozenset[str] = frozenset()

        def __call__(self, inputs: Any) -> Any:
            return compute(inputs)

    config, registry = with_foreign("loss", lambda options: Term())
    prefixes = tiny.training_prefixes([[1, 2, 3, 4, 5], [2, 3, 4, 5, 1]], 10)
    with pytest.raises(PluginError) as caught:
        Objective(Recipe.of(config, registry))(
            tiny.encoder(Recipe.of(config, registry), 5), prefixes, torch.arange(3), torch.Generator()
        )
    assert str(caught.value) == f"loss 'foreign' {FOREIGN}{reason}"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("put_ does not have a deterministic implementation, but you set"),
    ],
    ids=repr,
)
def test_a_part_is_not_blamed_for_the_machine(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, errors_of("the loss 'ce'"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "end", [SystemExit(0), GeneratorExit(), RuntimeError("broken")], ids=lambda end: type(end).__name__
)
def test_nothing_that_a_component_raises_ends_the_program(end: BaseException) -> None:
    with pytest.raises(PluginError, match=f"part 'x' breaks its contract: call: .*{type(end).__name__}"):  # noqa: SIM117
        with errors_of("part 'x'"):
            raise end


@pytest.mark.parametrize("end", [KeyboardInterrupt(), TerminatedError(15)], ids=lambda end: type(end).__name__)
def test_the_keyboard_and_a_signal_are_no_component(end: BaseException) -> None:
    with pytest.raises(type(end)), errors_of("part 'x'"):
        raise end
