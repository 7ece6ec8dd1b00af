"""`fearec inspect` and `fearec report` on a model of the demo, whose periods are planted."""

import json
import re
from pathlib import Path

import pytest

from support.commands import TINY, agree, done, refused


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo, prepared, and a short run on it."""
    import contextlib

    place = tmp_path_factory.mktemp("demo")
    with contextlib.chdir(place):
        done("prepare", "demo", "--set", "demo.users=120")
        run = ("train", "demo", "--preset", "fearec", *TINY, "--set", "model.layers=2", "--max-steps", "5")
        done(*run, "--out", "runs/first")
    return place


def test_planted_periods_are_named(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    best = "runs/first/best.safetensors"
    printed = done("inspect", best, "--json", "i.json", "--html", "i.html", "--user", "user007")
    assert "Users return to items weekly (7 days" in printed
    assert "monthly (30 days" in printed
    assert "recommended by ramp:" in printed
    found = json.loads(Path("i.json").read_text())
    named = [period["name"] for period in found["returns"]["days"]["periods"]]
    assert named[:2] == ["weekly", "monthly"]
    page = Path("i.html").read_text()
    assert "Users return to items weekly" in page
    assert page.startswith("<!doctype html>")
    done("inspect", best, "--html", "i.html", "--json", "i.json")  # ours may be replaced


def test_another_demo_with_other_periods_gives_other_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("demo.users=120", "demo.seed=5", "demo.periods=[9,25]")
    done("prepare", "demo", *(part for option in options for part in ("--set", option)))
    done("train", "demo", "--preset", "fearec", *TINY, "--max-steps", "2", "--out", "run")
    printed = done("inspect", "run/best.safetensors", "--json", "i.json")
    assert "Users return to items every 9 days (9 days" in printed
    assert "every 25 days" in printed
    assert "weekly" not in printed
    assert "monthly" not in printed
    periods = json.loads(Path("i.json").read_text())["returns"]["days"]["periods"]
    assert [period["lag"] for period in periods[:2]] == [9, 25]


def test_pictures_in_the_terminal(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    printed = done("inspect", "runs/first/best.safetensors", "--plain")
    assert "What each filter passes" in printed


def test_a_report_of_a_run(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    assert "wrote runs/first/report.html" in done("report", "runs/first")
    page = Path("runs/first/report.html").read_text()
    number = r"\d\.\d{4} \[\d\.\d{4}, \d\.\d{4}\]"
    assert re.search(
        rf"NDCG@10 of the model is {number}, (above|below|not distinguished from) that of the best baseline, "
        rf"[a-z-]+, {number} \(unmasked, test\)",
        page,
    )
    assert "NDCG@10, seen-masked, by kinds of targets" in page
    for who in ("popularity", "recent", "last-item", "item-knn"):
        assert f">{who}</th>" in page
    for section in ("Results", "Learning", "Findings", "Frequencies", "Periods", "Data", "Settings"):
        assert f">{section}</h2>" in page
    assert len(page) < 2_000_000


def test_refusals(best: Path) -> None:
    Path("letter.html").write_text("precious")
    agree(refused("inspect", best, "--user", "u1", "--history", "i1"), "--user and --history: give one of the two")
    agree(refused("inspect", best, "--user", "nobody"), "--user nobody: toy has no such user; ids look like u")
    agree(refused("inspect", best, "--html", "letter.html"), "holds something that fearec did not write")
    agree(refused("report", "data/toy"), "data/toy: has no best.safetensors")
    agree(refused("inspect", "missing.safetensors"), "missing.safetensors: there is no such checkpoint")


def test_without_times_the_rest_is_there(best: Path) -> None:
    printed = done("inspect", best)
    assert "Not measured: periods in hours and days: the data set has no timestamps" in printed
    assert "mean frequency of the representations" in printed
