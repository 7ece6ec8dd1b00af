"""Rows of results: pooled over seeds, with what differs."""

import csv
import io
import json
from pathlib import Path

import pytest

from fearec_cli.comparing.found import Found
from fearec_cli.comparing.listing import Listing


def found(path: str, value: float = 0.5, *, part: str = "test", data: str = "ab", **settings: object) -> Found:
    names = {name.replace("__", "."): setting for name, setting in settings.items()}
    return Found(Path(path), "toy", data, "leave-one-out", part, {"unmasked": {"NDCG@10": value}}, names)


def test_runs_that_differ_in_their_seed_alone_are_one_row() -> None:
    results = [found(f"runs/a/seed-{seed}", seed / 10, model__dim=8, training__seed=seed) for seed in (1, 2, 3)]
    results.append(found("runs/b", 0.4, model__dim=16, training__seed=1))
    listing = Listing.of(results, ["NDCG@10"])
    assert [(row.path, len(row.results)) for row in listing.rows] == [("runs/b", 1), ("runs/a", 3)]
    assert listing.facts == ["seeds", "model.dim"]
    lines = list(csv.DictReader(io.StringIO(listing.to_csv())))
    assert float(lines[1]["unmasked NDCG@10"]) == pytest.approx(0.2)
    assert float(lines[1]["unmasked NDCG@10 deviation"]) == pytest.approx(0.1)
    assert (lines[1]["seeds"], lines[1]["model.dim"], lines[0]["unmasked NDCG@10 low"]) == ("1-3", "8", "")
    assert json.loads(listing.to_json())["results"][1]["metrics"] == {"unmasked": {"NDCG@10": [0.1, 0.2, 0.3]}}
    assert "| runs/a | 1-3 | 8 | 0.2000 ± 0.1000 |" in listing.to_markdown()
    assert len(Listing.of(results, ["NDCG@10"], pool=False).rows) == 4


def test_the_same_seed_twice_is_no_second_draw() -> None:
    listing = Listing.of([found(path, model__dim=8, training__seed=1) for path in ("a", "b")], ["NDCG@10"])
    assert [len(row.results) for row in listing.rows] == [1, 1]


def test_parts_data_and_unknown_settings_stay_apart() -> None:
    results = [
        found("a", training__seed=1),
        found("b", training__seed=2, part="valid"),
        found("c", training__seed=3, data="cd"),
        found("d.json"),
        found("e.json"),
    ]
    listing = Listing.of(results, ["NDCG@10"])
    assert len(listing.rows) == 5
    assert listing.facts == ["data", "part", "seeds"]
    assert listing.common == {"rule": "leave-one-out"}


def test_a_setting_that_an_older_run_does_not_name_is_unknown() -> None:
    listing = Listing.of([found("a", model__dim=8), found("b", model__dim=8, model__pooling="mean")], ["NDCG@10"])
    assert [listing.fact(row, "model.pooling") for row in listing.rows] == ["-", "mean"]


def test_a_result_without_settings_differs_in_none() -> None:
    other = Found(Path("c.json"), "toy", "ab", "leave-one-out", "test", {"unmasked": {"NDCG@10": 0.5}}, {}, "sasrec")
    listing = Listing.of([found("a", model__dim=8), found("b", model__dim=8, model__layers=3), other], ["NDCG@10"])
    assert listing.facts == ["model.layers", "preset"]
    assert [listing.fact(row, "preset") for row in listing.rows] == ["-", "-", "sasrec"]


def test_a_name_does_not_break_the_markdown() -> None:
    text = Listing.of([found("a|b\nc")], ["NDCG@10"]).to_markdown()
    assert "| a\\|b c |" in text
