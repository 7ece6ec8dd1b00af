"""`fearec compare` on real runs: single ones, seeds, and what it refuses."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fearec_cli.runs.safetensors_file import checksum
from support.commands import TINY, agree, done, metadata, refused, tensors, write_sequences

FEW = ("--draws", "300")


def test_runs_checkpoints_and_seeds(best: Path) -> None:
    sasrec = ("train", "toy", "--preset", "sasrec", *TINY)
    done(*sasrec, "--max-steps", "1", "--seeds", "2", "--out", "runs/short")
    done("evaluate", best, "toy", "--json", "long.json")
    options = (*FEW, "--protocol", "both", "--detect", "1%", "--json", "compared.json")
    printed = done("compare", "runs/short", best, *options)
    values = json.loads(Path("long.json").read_text())["protocols"]
    for row in json.loads(Path("compared.json").read_text())["comparisons"]:
        assert row["values"][1] == pytest.approx(values[row["protocol"]]["NDCG@10"])
        assert row["runs"] == [2, 1]
        assert f"{row['values'][1]:.4f} against {row['values'][0]:.4f}" in printed
    assert "Holm over 2" in printed
    # Saved ranks and the run they are of are the same, and need no data set.
    done("evaluate", best, "toy", "--save-ranks", "long.parquet")
    before = json.loads(Path("compared.json").read_text())["comparisons"]
    shutil.move("data", "elsewhere")
    done("compare", "runs/short", "long.parquet", *options[:-1], "again.json")
    shutil.move("elsewhere", "data")
    again = json.loads(Path("again.json").read_text())["comparisons"]
    assert [{**row, "second": None} for row in again] == [{**row, "second": None} for row in before]
    assert "one run: runs/toy/best.safetensors" in printed
    assert "a single run cannot show a difference of 1.00%" in printed

    printed = done("compare", "runs/short/seed-1", "runs/short", "--data", "toy", *FEW, "--split", "valid")
    assert "toy, valid, 40 targets; leave-one-out" in printed
    assert "the difference between runs/short and runs/short/seed-1 is inside noise by NDCG@10" in printed


def test_what_was_judged_on_something_else_is_refused(best: Path) -> None:
    write_sequences(Path("other.txt"), seed=1)
    done("prepare", "sequences", "--from", "other.txt", "--out", "data/other")
    done("train", "other", "--preset", "sasrec", *TINY, "--max-steps", "1", "--out", "runs/other")
    agree(
        refused("compare", "runs/toy", "runs/other", *FEW),
        r"runs/toy and runs/other do not compare: they differ in their data set: toy \(fingerprint .*\), and other \(",
    )
    Path("empty").mkdir()
    agree(refused("compare", "runs/toy", "empty"), "^empty: is not a run .*, and there are none in it")
    agree(refused("compare", "runs/toy"), "^name two or more runs")
    agree(refused("compare", "runs/toy", "nowhere"), "^nowhere: there is no such checkpoint")
    agree(refused("compare", "runs/toy", "runs/toy", "--metric", "HR@x"), "write the length of the list")
    done("evaluate", best, "toy", "--split", "valid", "--save-ranks", "valid.parquet")
    agree(
        refused("compare", "runs/toy", "valid.parquet", *FEW),
        "runs/toy and valid.parquet do not compare: they differ in their held-out part: test, and valid",
    )
    Path("mixed").mkdir()
    shutil.copytree("runs/toy", "mixed/a")
    shutil.copytree("runs/toy", "mixed/b")
    agree(refused("compare", "runs/toy", "mixed", *FEW), "mixed: two of its runs have the same seed, which is one draw")
    shutil.rmtree("mixed/b")
    done("train", "toy", "--preset", "sasrec", *TINY, "--epochs", "2", "--seed", "1", "--out", "mixed/b")
    assert '"runs": [\n        1,\n        2' in done("compare", "runs/toy", "mixed", *FEW, "--json", "-")
    shutil.copytree("runs/other", "mixed/c")
    agree(
        refused("compare", "runs/toy", "mixed", *FEW),
        r"mixed: its runs differ in more than their seed \(training.epochs, training.max_steps\)",
    )
    Path("torn.parquet").write_bytes(b"PAR1")
    agree(refused("compare", "runs/toy", "torn.parquet", *FEW), "torn.parquet: is damaged or not a Parquet file")
    for detect in ("0", "x", "100%", "%"):
        agree(refused("compare", "runs/toy", "runs/toy", "--detect", detect), f"--detect {detect}: give a share")


def test_scores_that_are_nan_are_refused(best: Path) -> None:
    weights, texts = tensors(best), metadata(best)
    name = "model.embedding.items.weight"
    weights[name] = torch.full_like(weights[name], float("nan"))
    texts.pop("checksum")
    Path("runs/nan").mkdir()
    save_file(weights, "runs/nan/best.safetensors", metadata={**texts, "checksum": checksum(texts, weights)})
    agree(refused("compare", "runs/toy", "runs/nan", *FEW), r"scores that are not a number \(NaN\)")
