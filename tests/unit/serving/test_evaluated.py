"""Results that go into a card: of this very checkpoint, or refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from fearec_cli.errors import DataError
from fearec_cli.evaluation.header import sha256
from fearec_cli.runs.checkpoint import Checkpoint, save_checkpoint
from fearec_cli.serving.card import model_card
from fearec_cli.serving.evaluated import read_evaluated
from support import tiny
from support.exported import checkpoint


@pytest.fixture
def made(tmp_path: Path) -> Checkpoint:
    found = checkpoint(tiny.recipe("model.layers=1", preset="sasrec"), tmp_path / "best.safetensors")
    save_checkpoint(found.path, found.encoder, found.item_ids, found.info)
    return found


def result(of: Checkpoint, **other: Any) -> dict[str, Any]:
    numbers = {
        "protocols": {"unmasked": {"NDCG@10": 0.12345}, "seen-masked": {"NDCG@10": 0.2}},
        "intervals": {"unmasked": {"NDCG@10": [0.1, 0.15]}, "seen-masked": {"NDCG@10": [0.15, 0.25]}},
    }
    lower = {
        "protocols": {"unmasked": {"NDCG@10": 0.05}},
        "intervals": {"unmasked": {"NDCG@10": [0.04, 0.06]}},
    }
    header = {"dataset": "tiny", "fingerprint": "ab12", "split": "test", "rule": {"rule": "leave-one-out"}}
    rest = {"target": "last", "targets": 1200, "users": 1200, "checkpoint": sha256(of.path)}
    return {**header, **rest, **numbers, "baselines": {"popular|ity": lower}, "tied": None, **other}


def test_a_card_shows_each_number_with_its_interval_beside_the_baselines(made: Checkpoint, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(result(made)))
    card = model_card(made, "me/shop", evaluated=read_evaluated(file, made))
    assert "## Test\n" in card
    assert "1,200 targets of 1,200 users (leave-one-out, target last)" in card
    assert "| unmasked | this model | popular\\|ity |" in card
    assert "| NDCG@10 | 0.1235 [0.1000, 0.1500] | 0.0500 [0.0400, 0.0600] |" in card
    assert "| NDCG@10 | 0.2000 [0.1500, 0.2500] |  |" in card  # the baseline has no such number
    assert "## Test" not in model_card(made, "me/shop")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"checkpoint": "0" * 64}, "is the result of another checkpoint; evaluate .*best.safetensors with --json"),
        ({"users": "many"}, "is no result of `fearec evaluate --json`: users"),
        ({"protocols": {"unmasked": {"NDCG@10": float("nan")}}}, "is no result of `fearec evaluate --json`: protocols"),
        ({"rule": {"rule": "other"}}, "is no result of `fearec evaluate --json`: rule"),
    ],
    ids=str,
)
def test_refusals(made: Checkpoint, tmp_path: Path, content: dict[str, Any], problem: str) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(result(made, **content)))
    with pytest.raises(DataError, match=f"--result .*result.json: {problem}"):
        read_evaluated(file, made)


def test_files_that_are_no_json(made: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing.json: cannot be read: No such file"):
        read_evaluated(tmp_path / "missing.json", made)
    with pytest.raises(DataError, match=r"best.safetensors: cannot be read: "):
        read_evaluated(made.path, made)
