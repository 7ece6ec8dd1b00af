"""Every preset as an ONNX graph that answers as PyTorch does, and what is refused."""

import re
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
import torch
from torch import nn

from fearec_cli.components.registry import load_components
from fearec_cli.config import preset_names
from fearec_cli.errors import ExportError
from fearec_cli.nn.fourier import rfft
from fearec_cli.serving.onnx.graph import OPSET, to_graph
from fearec_cli.serving.onnx.parity import check_parity, session
from support import tiny
from support.exported import N_ITEMS, checkpoint

pytestmark = pytest.mark.slow

# One layer is requested at its last position alone; what all positions take is in those that have two.
TWO_LAYERS = {"fearec", "fearec-causal", "fearec-survey"}


def architectures() -> list[str]:
    """A preset of each architecture: of those that differ in training alone, the first."""
    found = {}
    for name in preset_names():
        config = tiny.config(preset=name)
        model = config.model.model_dump(exclude={"hidden_dropout", "attention_dropout", "layers"})
        found.setdefault(f"{config.attention} {config.filter} {config.fusion} {model}", name)
    return list(found.values())


@pytest.mark.parametrize("preset", architectures())
def test_every_preset_answers_as_in_pytorch(preset: str) -> None:
    layers = 2 if preset in TWO_LAYERS else 1
    made = checkpoint(tiny.recipe(f"model.layers={layers}", preset=preset))
    graph = to_graph(made, 5, "exclude")
    parity = check_parity(made, graph.SerializeToString(), 5, "exclude")
    assert parity.histories == 4 * made.encoder.max_length
    assert parity.on_edge == 0
    assert parity.difference < 1e-5
    assert [entry.version for entry in graph.opset_import if entry.domain == ""] == [OPSET]
    assert not {node.op_type for node in graph.graph.node} & {"DFT", "STFT", "Loop", "If"}
    onnx.checker.check_model(graph, full_check=True)
    # Nothing tells where it was made.
    assert str(Path(__file__).parents[4]).encode() not in graph.SerializeToString()


@pytest.mark.parametrize(
    ("preset", "assignments"),
    [
        ("sasrec", ("model.norm=pre", "model.scores=cosine")),
        ("fmlp-rec", ("model.fill=reflect",)),
        ("fearec", ("model.spectrum=true-length",)),
    ],
)
def test_settings_of_the_trunk_answer_as_in_pytorch(preset: str, assignments: tuple[str, ...]) -> None:
    made = checkpoint(tiny.recipe("model.layers=1", *assignments, preset=preset))
    graph = to_graph(made, 5, "exclude").SerializeToString()
    assert check_parity(made, graph, 5, "exclude").difference < 1e-5


def test_scores_of_all_items_stand_at_their_numbers() -> None:
    made = checkpoint(tiny.recipe("model.layers=1", "model.pooling=mean", preset="sasrec"))
    graph = to_graph(made, None, "exclude").SerializeToString()
    assert check_parity(made, graph, None, "exclude").difference < 1e-5
    ids = torch.zeros(1, made.encoder.max_length, dtype=torch.int64)
    ids[0, :2] = torch.tensor([3, 7])
    (scores,) = session(graph).run(None, {"ids": ids.numpy()})
    assert scores.shape == (1, N_ITEMS + 1)
    assert scores[0, 0] == -float("inf")
    expected = made.encoder.scores(ids, torch.tensor([2]))
    torch.testing.assert_close(torch.from_numpy(scores[0, 1:]), expected[0].detach())


def test_a_graph_of_other_weights_is_found_out() -> None:
    made = checkpoint(tiny.recipe("model.layers=1", preset="fmlp-rec"))
    graph = to_graph(made, 5, "include").SerializeToString()
    with torch.no_grad():
        made.encoder.embedding.items.weight[7] += 0.1
    with pytest.raises(
        ExportError, match=r"^tiny\.safetensors: its ONNX form answers otherwise than PyTorch: .*; nothing was written"
    ):
        check_parity(made, graph, 5, "include")


class Complex(nn.Module):
    def forward(self, x, lengths):
        return x + rfft(x).abs().mean(1, keepdim=True)


class Branching(nn.Module):
    def forward(self, x, lengths):
        return x * 2 if x.sum() > 0 else x


class Unknown(nn.Module):
    def forward(self, x, lengths):
        return torch.special.bessel_j0(x)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (Complex(), "it computes with complex numbers"),
        (Branching(), "Could not guard on data-dependent expression"),
        (Unknown(), "No ONNX function found for .*bessel_j0"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_a_component_without_an_onnx_form_is_named(part: nn.Module, reason: str) -> None:
    made = checkpoint(tiny.recipe("model.layers=1", preset="fmlp-rec"))
    made.encoder.layers[0].filter = part
    with pytest.raises(ExportError) as refused:
        to_graph(made, None, "exclude")
    label = re.escape(made.recipe.filter.entry.label)
    assert re.match(rf"tiny\.safetensors: the {label} has no ONNX form: .*{reason}", str(refused.value)), refused.value
    assert "\n" not in str(refused.value)


def test_a_component_can_say_that_it_has_no_onnx_form() -> None:
    recipe = tiny.recipe("model.layers=1", preset="sasrec")
    entry = load_components().get("filter", "none")
    without = replace(entry, component=replace(entry.component, onnx=False))
    made = checkpoint(replace(recipe, filter=replace(recipe.filter, entry=without)))
    with pytest.raises(ExportError, match=r"the filter 'none' of package 'fearec .*' has no ONNX form, as it declares"):
        to_graph(made, None, "exclude")


def test_what_no_file_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fearec_cli.serving.onnx.graph._LARGEST", 100)
    with pytest.raises(ExportError, match="GiB of weights, and an ONNX file holds 2 GiB"):
        to_graph(checkpoint(tiny.recipe("model.layers=1", preset="fmlp-rec")), None, "exclude")
