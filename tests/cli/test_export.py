"""`fearec export` on real files, and a service that has no torch."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest

from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.serving.onnx.graph import to_graph
from support.commands import agree, description, done, refused

EXAMPLE = Path(__file__).parents[2] / "examples" / "serve_onnx.py"
# Runs the example, and says afterwards whether torch or fearec was imported on the way.
WITHOUT = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__'); print(sorted(sys.modules))"


def test_a_service_without_torch_answers_as_recommend_does(best: Path) -> None:
    printed = done("export", best, "--top-k", "5", "--out", "out/model.onnx")
    assert "as PyTorch on 32 histories of every length" in printed
    assert "wrote out/model.onnx and out/model.items.json" in printed
    histories = ["i1,i2,i3", "i9 i9 nobody i4", " ".join(f"i{item}" for item in range(20)), "nobody", ""]
    Path("histories.txt").write_text("\n".join(histories) + "\n")
    code = WITHOUT.replace("sys.argv[1]", repr(str(EXAMPLE)))
    run = subprocess.run(
        [sys.executable, "-c", code, "out/model.onnx"],
        input="\n".join(histories) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    *answers, modules = run.stdout.splitlines()
    assert not {"torch", "fearec_cli"} & set(eval(modules))
    expected = [
        json.loads(line)
        for line in done("recommend", best, "--users", "histories.txt", "--k", "5", "--json").splitlines()
    ]
    assert len(answers) == len(expected) == 5
    for line, other in zip(answers, expected, strict=True):
        answer = json.loads(line)
        # The graph knows the latest items alone, so of a longer history it may recommend an older one.
        if len(other["items"]) and other["user"] != "3":
            assert answer["items"] == other["items"]
            assert answer["scores"] == pytest.approx(other["scores"], abs=1e-4)
    assert [json.loads(line)["items"] for line in answers[3:]] == [[], []]


def test_the_file_tells_what_it_is(best: Path) -> None:
    done("export", best)
    model = onnx.load(best.with_suffix(".onnx"))
    described = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    names = json.loads(best.with_suffix(".items.json").read_text())
    assert described["fearec.items"] == names
    assert (names[0], len(names), len(set(names))) == (None, 31, 31)
    about = {"format": 1, "max_length": 8, "items": 30, "top_k": None, "seen": None, "weights": "float32"}
    kept = {name: description(best)[name] for name in ("dataset", "fingerprint")}
    assert described["fearec"] == {**about, **kept}


def test_weights_in_8_bits_and_what_they_cost(best: Path) -> None:
    printed = done("export", best, "--quantize", "int8", "--data", "toy", "--out", "small.onnx")
    (share,) = re.findall(r"in 8 bits: ([\d.]+)% of the 10 best items are PyTorch's", printed)
    assert 50 < float(share) <= 100
    ((ours, pytorch, targets),) = re.findall(r"NDCG@10 ([\d.]+), PyTorch ([\d.]+); ([\d,]+) test targets", printed)
    done("evaluate", best, "--k", "10", "--json", "result.json")
    result = json.loads(Path("result.json").read_text())
    assert int(targets) == result["targets"]
    assert float(pytorch) == pytest.approx(result["protocols"]["unmasked"]["NDCG@10"], abs=1e-4)
    assert float(ours) == pytest.approx(float(pytorch), abs=0.2)
    model = onnx.load("small.onnx")
    assert any(entry.data_type == onnx.TensorProto.INT8 for entry in model.graph.initializer)
    described = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(described["fearec"])["weights"] == "int8"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--top-k", "31"), "--top-k 31: the catalogue has 30 items"),
        (("--data", "toy"), "--data: only goes with --quantize; leave it out"),
        (("--out", "model.pt"), "--out model.pt: name a file that ends in .onnx"),
        (
            ("--out", "taken.onnx"),
            "--out: taken.onnx already exists; choose another file, or use --force to replace it",
        ),
        (
            ("--out", "other.onnx"),
            "--out: other.items.json already exists; choose another file, or use --force to replace it",
        ),
        (("--out", "taken.onnx/model.onnx"), "taken.onnx is not a directory"),
    ],
    ids=str,
)
def test_refusals(best: Path, arguments: tuple[str, ...], problem: str) -> None:
    Path("taken.onnx").write_text("precious")
    Path("other.items.json").write_text("precious")
    agree(refused("export", best, *arguments), problem)


def test_a_form_that_answers_otherwise_leaves_no_file(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of_other_weights(checkpoint: Checkpoint, *rest: Any) -> onnx.ModelProto:
        graph = to_graph(checkpoint, *rest)
        checkpoint.encoder.embedding.items.weight.data[7] += 1
        return graph

    monkeypatch.setattr("fearec_cli.serving.onnx.file.to_graph", of_other_weights)
    agree(refused("export", best), "its ONNX form answers otherwise than PyTorch.*; nothing was written")


def test_the_extra_is_named_where_it_is_missing(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fearec_cli.cli.show.extras.find_spec", lambda module: None)
    agree(refused("export", best), r"needs onnx, onnxruntime, onnxscript, not installed: pip install 'fearec\[onnx\]'")
