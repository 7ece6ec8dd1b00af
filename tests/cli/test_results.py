"""`fearec results`: runs and JSON results below a directory; what is not readable or not there."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from support.commands import TINY, agree, done, fearec, refused


def test_runs_and_evaluations_are_found(best: Path) -> None:
    done("train", "toy", "--preset", "sasrec", *TINY, "--epochs", "1", "--seeds", "2", "--out", "runs/seeds")
    Path("elsewhere").mkdir()
    done("evaluate", best, "toy", "--json", "elsewhere/toy.json")
    done("evaluate", best, "toy", "--json", "runs/toy/test.json")
    lines = list(csv.DictReader(io.StringIO(done("results", ".", "--csv", "-"))))
    found = {(line["path"], line["part"]): line for line in lines}
    assert found.keys() == {
        ("runs/toy", "test"),
        ("runs/toy", "valid"),
        ("runs/seeds", "test"),
        ("runs/seeds", "valid"),
        ("elsewhere/toy.json", "test"),
    }
    written = json.loads(Path("elsewhere/toy.json").read_text())["protocols"]["unmasked"]["NDCG@10"]
    for path in ("runs/toy", "elsewhere/toy.json"):
        assert float(found[path, "test"]["unmasked NDCG@10"]) == written
    summary = json.loads(Path("runs/seeds/summary.json").read_text())["statistics"]["valid"]["unmasked"]["HR@10"]
    assert float(found["runs/seeds", "valid"]["unmasked HR@10"]) == pytest.approx(summary["mean"])
    assert float(found["runs/seeds", "valid"]["unmasked HR@10 low"]) == pytest.approx(summary["low"])
    assert (found["runs/seeds", "valid"]["training.epochs"], found["runs/toy", "valid"]["training.epochs"]) == (
        "1",
        "2",
    )

    table = done("results", "runs", "--split", "test", "--metric", "MRR@5")
    assert table.splitlines()[0].strip().startswith("data: toy (")
    assert "MRR@5" in table
    assert "elsewhere" not in table
    assert "valid" not in table


def test_files_are_written_and_only_own_ones_replaced(trained: Path) -> None:
    for kind in ("csv", "markdown", "json"):
        for _ in range(2):
            assert f"wrote out.{kind}" in done("results", "runs", f"--{kind}", f"out.{kind}")
    assert json.loads(Path("out.json").read_text())["results"][0]["path"] == "runs/toy"
    Path("notes").write_text("mine")
    agree(refused("results", "runs", "--csv", "notes"), "notes: holds something that fearec did not write")
    agree(refused("results", "runs", "--csv", "-", "--json", "-"), "one of them can go to standard output")


def test_what_cannot_be_read_is_named_and_passed_over(trained: Path) -> None:
    result = {"dataset": "toy", "fingerprint": "ab", "split": "test", "rule": {"rule": "leave-one-out"}}
    result |= {"ties": "", "preset": ""}
    bad = {
        "nan.json": {**result, "protocols": {"unmasked": {"HR@10": float("nan")}}},
        "old.json": {"fingerprint": "ab", "protocols": {}},
        "short.json": {"fingerprint": "ab", "protocols": {}, "ties": ""},
        "protocol.json": {**result, "protocols": {"guessed": {"HR@10": 0.5}}},
    }
    for name, content in bad.items():
        Path("runs", name).write_text(json.dumps(content))
    Path("runs/other.json").write_text('{"mine": 1}')
    Path("runs/torn.json").write_text('{"fingerprint": ')
    shutil.copytree(trained, "runs/broken")
    Path("runs/broken/best.safetensors").write_bytes(b"no")
    printed = fearec("results", "runs")
    assert printed.code == 0
    agree(
        printed.err.splitlines(),
        r"runs/nan.json: protocols.unmasked.HR@10: Input should be a finite number; passed over",
        r"runs/old.json: was written by an earlier fearec, whose seen-masked is another rule; evaluate again",
        r"runs/protocol.json: protocols.guessed",
        r"runs/short.json: dataset: Field required; passed over",
        r"runs/torn.json: .*; passed over",
        r"runs/broken/best.safetensors: is not a complete safetensors file .*; passed over",
    )
    assert "runs/toy" in printed.out


def test_what_is_not_there(trained: Path) -> None:
    Path("empty").mkdir()
    agree(refused("results", "empty"), r"^empty: no result below; `fearec evaluate --json FILE` and runs leave them")
    agree(refused("results", "runs", "--split", "test"), "^runs: no result on the test part below")
    agree(refused("results", "nowhere"), "^nowhere: is not a directory; name one with runs")
    agree(
        refused("results", "runs", "--metric", "NDCG@7"), r"no result below runs has it; there are: HR@10, HR@20, HR@5"
    )
