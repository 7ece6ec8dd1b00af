"""`fearec train --cuts`: a run on each cut of a log, pooled, gone on with; what is refused."""

import json
import re
import statistics
from pathlib import Path

import pytest

from fearec_cli.cli import cuts
from fearec_cli.training.run import train
from support.commands import TINY, agree, contents, done, fearec, refused

SASREC = ("--preset", "sasrec", *TINY, "--max-steps", "4")


@pytest.fixture
def shop(workplace: Path) -> Path:
    """Three cuts of a small log, data/shop-cut-1 to 3."""
    done("prepare", "demo", "--set", "demo.users=40", "--split", "global-time", "--cuts", "3", "--out", "data/shop")
    return Path("data/shop")


def test_a_run_on_each_cut_and_what_they_came_to(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(recipe, prepared, **options):
        if prepared.name == "shop-cut-2":
            options["stop"].request()
        return train(recipe, prepared, **options)

    with monkeypatch.context() as patched:
        patched.setattr(cuts, "train", interrupted)
        cut = fearec("train", "shop", "--cuts", *SASREC, "--out", "runs/shop")
    assert cut.code == 130
    assert "continue: fearec train shop --cuts --resume --out runs/shop" in cut.out
    first = contents(Path("runs/shop/cut-1/last"))

    printed = done("train", "shop", "--cuts", "--resume", "--out", "runs/shop")
    assert contents(Path("runs/shop/cut-1/last")) == first
    results = [json.loads(Path(f"runs/shop/cut-{number}/test.json").read_text()) for number in (1, 2, 3)]
    assert [result["dataset"] for result in results] == ["shop-cut-1", "shop-cut-2", "shop-cut-3"]
    assert len({result["fingerprint"] for result in results}) == 3
    values = [result["protocols"]["unmasked"]["HR@20"] for result in results]
    assert len(set(values)) > 1
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    assert re.search(rf"HR@20 +unmasked +{mean:.4f} +{deviation:.4f}", printed)
    assert "shop, cuts 1-3, test; " in printed
    assert "3 cuts done: runs/shop" in printed

    pooled = done("results", "runs", "--split", "test", "--metric", "HR@20")
    assert "data: shop, cuts 1-3" in pooled
    assert re.search(f"{mean:.4f} ± ?{deviation:.4f}", pooled)
    assert len(json.loads(done("results", "runs", "--json", "-", "--no-pool"))["results"]) == 6


def test_what_cannot_be_trained_is_refused(shop: Path) -> None:
    agree(
        refused("train", "toy", "--cuts", *SASREC),
        "^toy: no cuts are prepared as data/toy-cut-1 and so on; prepare them: fearec prepare SOURCE --split",
    )
    agree(refused("train", "--cuts", *SASREC), "--cuts: name what the cuts are called")
    agree(refused("train", "shop", "--cuts", "--seeds", "2", *SASREC), "--cuts: does not go with --seeds")
    agree(refused("train", "shop", "--cuts", "--devices", "2", *SASREC), "--cuts: trains in one process")
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    agree(refused("train", "shop", "--cuts", *SASREC, "--out", "mine"), "mine: is not empty")
