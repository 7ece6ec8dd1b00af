"""The checks for plugin authors: what is right passes, and each broken promise is named."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from torch import nn

from fearec_cli import testing
from fearec_cli.api import Component, Field, Log, Options, ResidualOutput, Source
from fearec_cli.components.registry import HOOKS, load_components
from fearec_cli.errors import ConfigError, PluginError

Q = frozenset({"q"})


class NoOptions(Options):
    """It has none."""


def component(build: Callable[..., Any], *, causal: bool = False, options: type[Options] = NoOptions) -> Component:
    return Component(name="broken", options=options, build=build, summary="A part.", source="Nowhere", causal=causal)


def refused(kind: str, build: Callable[..., Any], **about: Any) -> str:
    """Why a component is refused."""
    with pytest.raises(PluginError) as caught:
        getattr(testing, f"check_{kind}")(component(build, **about))
    text = str(caught.value)
    assert text.startswith(f"{kind} 'broken'")
    assert "\n" not in text
    return text


class Filter(nn.Module):
    """A filter that computes what it is given, with one parameter."""

    def __init__(self, compute: Callable[[torch.Tensor], Any] = lambda x: x, n: int = 0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(8))
        self.compute = compute

    def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> Any:
        return self.compute(x * self.gain)

    def response(self, n: int) -> Any:
        return torch.ones(n // 2 + 1)


def filtering(compute: Callable[[torch.Tensor], Any]) -> Callable[..., Filter]:
    return lambda options, shape: Filter(compute)


class Attention(nn.Module):
    """A branch that computes what it is given."""

    def __init__(self, compute: Callable[..., Any], projections: Any = Q) -> None:
        super().__init__()
        self.projections = projections
        self.compute = compute

    def forward(self, inputs: Any) -> Any:
        return self.compute(inputs)


def attending(compute: Callable[..., Any], projections: Any = Q) -> Callable[..., Attention]:
    return lambda options, shape: Attention(compute, projections)


class Fusion(nn.Module):
    """A head that computes what it is given."""

    def __init__(self, compute: Callable[..., Any], dim: int) -> None:
        super().__init__()
        self.output = ResidualOutput(dim, 0.5)
        self.compute = compute

    def forward(self, contexts: Any, x: torch.Tensor) -> Any:
        return self.compute(sum(contexts), x, self.output)


def fusing(compute: Callable[..., Any]) -> Callable[..., Fusion]:
    return lambda options, shape, branches: Fusion(compute, shape.dim)


class Loss:
    """A term that computes what it is given."""

    def __init__(self, compute: Callable[..., Any], views: Any) -> None:
        self.views = views
        self.compute = compute

    def __call__(self, inputs: Any) -> Any:
        return self.compute(inputs)


def losing(compute: Callable[..., Any], *views: str) -> Callable[..., Loss]:
    return lambda options: Loss(compute, frozenset(views))


def test_every_kind_has_a_check() -> None:
    assert set(testing.__all__) == {f"check_{kind}" for kind in HOOKS}


def test_the_generator_and_the_threads_are_left_as_they_were() -> None:
    torch.manual_seed(3)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    testing.check_filter(component(filtering(lambda x: x)))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_an_option_without_a_description_is_refused() -> None:
    class Silent(Options):
        level: int = 3

    with pytest.raises(PluginError, match=r"option broken\.level needs a default and a description"):
        testing.check_filter(component(filtering(lambda x: x), options=Silent))


# Filters


def test_a_filter_of_another_shape() -> None:
    text = refused("filter", filtering(lambda x: x[:, 1:]))
    assert "(N=9, layer 0 of 1) breaks its contract: output: expected float32 [3, 9, 8], got float32 [3, 8, 8]" in text


def test_a_filter_of_another_type() -> None:
    assert "output: expected float64 [3, 9, 8], got float32 [3, 9, 8]" in refused(
        "filter", filtering(lambda x: x.float())
    )
    assert "expected float32 [3, 9, 8], got NoneType" in refused("filter", filtering(lambda x: None))


def test_a_filter_that_gives_nan() -> None:
    assert "output: expected finite numbers" in refused("filter", filtering(lambda x: x / 0))


def test_a_filter_that_stops_the_gradient() -> None:
    assert "gradient to the signal: expected one, got none" in refused("filter", filtering(lambda x: x.detach()))


def test_a_filter_with_an_unused_parameter() -> None:
    class Unused(Filter):
        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return 2 * x

    assert "gradient to parameter gain: expected one" in refused("filter", lambda options, shape: Unused())


def test_a_filter_whose_gradient_is_nan() -> None:
    build = filtering(lambda x: x + (x * 0).sqrt())
    assert "expected finite numbers, got NaN" in refused("filter", build)


def test_a_filter_that_falsely_declares_to_be_causal() -> None:
    build = filtering(lambda x: x + x.roll(-1, dims=1))
    testing.check_filter(component(build))
    assert "declared causal, but positions after 0 are seen before" in refused("filter", build, causal=True)


def test_the_least_look_into_the_future_is_too_much() -> None:
    build = filtering(lambda x: x + 1e-12 * x.roll(-1, dims=1))
    assert "declared causal, but positions after 0 are seen before" in refused("filter", build, causal=True)


def test_a_look_into_the_future_in_training_mode_alone() -> None:
    class Peeking(Filter):
        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            return (x + x.roll(-1, dims=1) if self.training else x) * self.gain

    build = lambda options, shape: Peeking()  # noqa: E731
    assert "declared causal, but positions after 0 are seen before" in refused("filter", build, causal=True)


def test_a_causal_filter_that_looks_at_padding() -> None:
    class Counting(Filter):
        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            rows = torch.arange(len(x))
            beyond = x[rows, lengths.clamp(max=x.shape[1] - 1)] * (lengths < x.shape[1])[:, None]
            seen = torch.zeros_like(x)
            seen[rows, lengths - 1] = beyond
            return (x + seen) * self.gain

    text = refused("filter", lambda options, shape: Counting(), causal=True)
    assert "declared causal" in text


def test_a_filter_that_is_never_the_same() -> None:
    build = filtering(lambda x: nn.functional.dropout(x, 0.5, training=True))
    assert "evaluation mode: expected the same output for the same input" in refused("filter", build)


def test_a_filter_whose_state_is_not_saved() -> None:
    def build(options: Options, shape: Any) -> Filter:
        scale = torch.randn(())
        return Filter(lambda x: x * scale)

    assert "state: expected equal outputs after saving and loading" in refused("filter", build)


def test_a_filter_that_shares_memory_between_tensors() -> None:
    class Tied(Filter):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("again", self.gain.detach())

    assert "state: expected a safetensors file" in refused("filter", lambda options, shape: Tied())


@pytest.mark.parametrize(
    "response",
    [lambda n: torch.ones(n), lambda n: torch.ones(n // 2 + 1, 3), lambda n: [1.0], lambda n: 1j * torch.ones(n)],
)
def test_a_response_of_the_wrong_shape_or_type(response: Callable[[int], Any]) -> None:
    class Responding(Filter):
        def response(self, n: int) -> Any:
            return response(n)

    text = refused("filter", lambda options, shape: Responding())
    assert "response(9): expected real numbers [5] or [5, 8], got " in text


@pytest.mark.parametrize(
    ("constant", "compute"),
    [(0.5, lambda x: x), (1.0, lambda x: x.abs()), (1.0, lambda x: x * torch.linspace(0, 1, 8, dtype=x.dtype))],
    ids=["another gain", "not linear", "each unit its own"],
)
def test_a_filter_that_falsely_declares_to_go_past_a_map(constant: float, compute: Callable[..., Any]) -> None:
    build = filtering(compute)

    def declaring(options: Options, shape: Any) -> Any:
        part = build(options, shape)
        part.constant = constant
        return part

    testing.check_filter(component(build))
    assert "constant: expected a linear map alike for all dimensions" in refused("filter", declaring)


def test_a_filter_that_raises() -> None:
    text = refused("filter", filtering(lambda x: x @ torch.ones(3, 3, dtype=x.dtype)))
    assert "call: expected a result, got RuntimeError: " in text


def test_a_filter_that_accepts_no_place_says_why() -> None:
    def build(options: Options, shape: Any) -> Filter:
        raise ConfigError(["broken: needs another length"])

    with pytest.raises(ConfigError, match="needs another length"):
        testing.check_filter(component(build))


# Attentions


def test_an_attention_that_ignores_last_only() -> None:
    text = refused("attention", attending(lambda inputs: inputs.q))
    assert "the last position) breaks its contract: output: expected float32 [3, 1, 8], got float32 [3, 9, 8]" in text


def test_an_attention_that_gives_another_last_position() -> None:
    text = refused("attention", attending(lambda inputs: inputs.q[:, :1] if inputs.last_only else inputs.q))
    assert "last position alone: expected what it gets among all positions" in text


def test_an_attention_that_reads_what_it_does_not_declare() -> None:
    text = refused("attention", attending(lambda inputs: inputs.at_requested(inputs.q + inputs.k)))
    assert "inputs: expected no other than `projections` declares, got a read of 'k'" in text


def test_an_attention_that_does_not_read_what_it_declares() -> None:
    text = refused("attention", attending(lambda inputs: inputs.at_requested(inputs.q), frozenset({"q", "v"})))
    assert "gradient to v: expected one, got none" in text


@pytest.mark.parametrize("projections", [("q",), frozenset({"x"}), None])
def test_bad_projections(projections: Any) -> None:
    text = refused("attention", attending(lambda inputs: inputs.x, projections))
    assert "projections: expected a frozenset of some of 'q', 'k' and 'v'" in text


def test_an_attention_that_falsely_declares_to_be_causal() -> None:
    build = attending(lambda inputs: inputs.at_requested(inputs.q + inputs.q.flip(1)))
    testing.check_attention(component(build))
    assert "declared causal, but positions after 0 are seen before" in refused("attention", build, causal=True)


def test_a_causal_attention_that_looks_at_padding() -> None:
    build = attending(lambda inputs: inputs.at_requested(inputs.q.cumsum(1)))
    text = refused("attention", build, causal=True)
    assert "declared causal, but padding on the left is seen at real positions" in text


# Fusions


def test_a_fusion_of_another_type() -> None:
    build = fusing(lambda context, x, output: output(context, x).float())
    assert "output: expected float64 [3, 9, 8], got float32 [3, 9, 8]" in refused("fusion", build)


def test_a_fusion_that_leaves_the_input_out() -> None:
    build = fusing(lambda context, x, output: output(context, context))
    assert "gradient to the layer's input: expected one" in refused("fusion", build)


def test_a_fusion_that_mixes_positions() -> None:
    build = fusing(lambda context, x, output: output(context - context.mean(1, keepdim=True), x))
    assert "one position alone: expected what it gets among all" in refused("fusion", build)


def test_a_fusion_may_refuse_a_number_of_branches() -> None:
    mix = load_components().get("fusion", "mix").component  # one or two

    def two(options: Any, shape: Any, branches: int) -> Any:
        if branches != 2:
            raise ConfigError(["fusion: two branches only"])
        return mix.build(options, shape, branches)

    testing.check_fusion(replace(mix, build=two))


# Losses


def test_a_loss_that_is_no_number() -> None:
    text = refused("loss", losing(lambda inputs: inputs.representation.sum(-1)))
    assert "output: expected one float32, got float32 [5]" in text


def test_a_loss_that_is_infinite() -> None:
    assert "value: expected a finite number" in refused("loss", losing(lambda inputs: inputs.representation.sum() / 0))


def test_a_loss_that_breaks_for_a_batch_of_one() -> None:
    assert "(batch of 1)" in refused(
        "loss", losing(lambda inputs: (inputs.representation / (len(inputs.representation) - 1)).sum())
    )


def test_a_loss_whose_gradient_breaks_on_equal_views() -> None:
    build = losing(
        lambda inputs: (inputs.representation - inputs.views["dropout"]).pow(2).sum(-1).sqrt().mean(), "dropout"
    )
    text = refused("loss", build)
    assert "equal views) breaks its contract: gradient to anchor: expected finite numbers" in text


def test_a_loss_that_reads_what_it_does_not_declare() -> None:
    text = refused("loss", losing(lambda inputs: inputs.views["semantic"].sum()))
    assert "inputs: expected no other than `views` declares, got a read of 'semantic'" in text


def test_a_loss_that_does_not_read_what_it_declares() -> None:
    text = refused("loss", losing(lambda inputs: inputs.representation.sum(), "spectrum"))
    assert "gradient to the view 'spectrum': expected one" in text


def test_a_loss_with_an_unknown_view() -> None:
    assert "views: expected a frozenset of some of 'dropout'" in refused("loss", losing(lambda inputs: 0, "future"))


def test_a_loss_with_dice_of_its_own() -> None:
    dice: Iterator[int] = itertools.count()
    build = losing(lambda inputs: inputs.representation.sum() + next(dice))
    assert "value: expected the same one for the same seed" in refused("loss", build)


def test_a_loss_with_parameters() -> None:
    def build(options: Options) -> nn.Module:
        part = nn.Linear(8, 1)
        part.views = frozenset()  # type: ignore[assignment]
        return part

    assert "parameters: expected none" in refused("loss", build)


# Adapters


class Reader:
    """An adapter that gives what it is given."""

    def __init__(self, frame: Any, **about: Any) -> None:
        self.frame = frame
        self.about = about

    def read(self, path: Path | None) -> Any:
        frame = self.frame() if callable(self.frame) else self.frame
        return Log(frame=frame, **{"source": Source(adapter="broken", location="nowhere"), **self.about})


def frame(**columns: Any) -> pl.LazyFrame:
    return pl.LazyFrame({"user": ["u"] * 3, "item": ["a", "b", "a"], **columns})


def reading(rows: Any, **about: Any) -> Callable[..., Reader]:
    def build(options: Options) -> Reader:
        return Reader(rows, **about)

    build.__module__ = "os"  # this one imports torch
    return build


def test_a_right_adapter() -> None:
    testing.check_adapter(component(reading(frame(timestamp=[1, 2, 3], rating=[1.0, 2.0, 3.0]))))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (frame(item=[1, 2, 1]), "columns: expected user String"),
        (frame(timestamp=[0.5, 1, 2]), "got user String, item String, timestamp Float64"),
        (frame(price=[1, 2, 3]), "price Int64"),
        (frame(item=["a", None, "b"]), "rows: expected no nulls, got nulls in item"),
        (frame().head(0), "rows: expected one at least, got none"),
        (frame().collect(), "frame: expected a polars LazyFrame, got DataFrame"),
        (frame().select(pl.col("nothing")), "frame: expected rows, got ColumnNotFoundError"),
    ],
)
def test_an_adapter_with_wrong_rows(rows: Any, reason: str) -> None:
    assert reason in refused("adapter", reading(rows))


def test_an_adapter_that_never_reads_the_same() -> None:
    numbers: Iterator[int] = itertools.count()
    text = refused("adapter", reading(lambda: frame(timestamp=[next(numbers)] * 3)))
    assert "rows: expected the same ones at every reading" in text


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"source": Source(adapter="other", location="x")}, "source.adapter: expected 'broken', got 'other'"),
        ({"notes": {"when": object()}}, "notes: expected what JSON can hold"),
        ({"k_core": -1}, "k_core: expected 0 or more, got -1"),
    ],
)
def test_an_adapter_with_a_wrong_log(about: dict[str, Any], reason: str) -> None:
    assert reason in refused("adapter", reading(frame(), **about))


def test_an_adapter_that_does_not_mind_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="a file that is not there: expected a DataError, got a Log"):
        testing.check_adapter(component(reading(frame())), tmp_path / "log.txt")


@pytest.mark.slow
def test_an_adapter_that_imports_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy.py").write_text("import torch\ndef build(options): ...\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    build = reading(frame())
    build.__module__ = "heavy"
    assert "import: expected no torch" in refused("adapter", build)


def test_an_option_of_an_adapter_needs_a_default() -> None:
    class Demanding(Options):
        place: str = Field(description="where")

    with pytest.raises(PluginError, match=r"option broken\.place needs a default"):
        testing.check_adapter(component(reading(frame()), options=Demanding))
