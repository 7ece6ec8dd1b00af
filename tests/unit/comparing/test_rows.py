"""Runs on the cuts of one log as one row: a number for each cut, the mean of its seeds."""

import csv
import io
import json
from pathlib import Path

import pytest

from fearec_cli.comparing.found import Found
from fearec_cli.comparing.listing import Listing
from fearec_cli.comparing.rows import cut_of, rows_of
from fearec_cli.significance.student import spread


def found(
    cut: int, value: float, *, seed: int = 1, dim: int = 8, print_of: str = "", kind: str = "target last"
) -> Found:
    rule = f"global-time, valid from 2024-0{cut}-01T00:00:00Z, test from 2024-0{cut}-15T00:00:00Z, {kind}, cold drop"
    metrics = {"unmasked": {"NDCG@10": value}}
    settings = {"model.dim": dim, "training.seed": seed}
    path = Path(f"runs/{dim}/cut-{cut}/{seed}")
    return Found(path, f"shop-cut-{cut}", print_of or f"print{cut}", rule, "test", metrics, settings)


def test_cuts_are_one_row_with_the_spread_over_them():
    results = [found(cut, cut / 10) for cut in (2, 1, 3)]
    (row,) = rows_of(results, pool=True)
    assert (row.path, row.data, row.over, row.seeds) == ("runs/8", "shop, cuts 1-3", "cuts", "1")
    assert row.rule == "global-time, target last, cold drop"
    assert row.cuts == ["print1", "print2", "print3"]
    assert row.values("unmasked NDCG@10") == [0.1, 0.2, 0.3]
    assert row.spread("unmasked NDCG@10") == spread([0.1, 0.2, 0.3])
    listing = Listing.of(results, ["NDCG@10"])
    assert listing.common["±"] == "sample deviation over cuts"
    (line,) = csv.DictReader(io.StringIO(listing.to_csv()))
    assert (line["data"], line["fingerprint"]) == ("shop, cuts 1-3", "")
    (entry,) = json.loads(listing.to_json())["results"]
    assert (entry["cuts"], entry["metrics"]["unmasked"]["NDCG@10"]) == (["print1", "print2", "print3"], [0.1, 0.2, 0.3])
    assert len(rows_of(results, pool=False)) == 3


def test_a_cut_counts_once_however_many_seeds_it_has():
    results = [found(1, 0.1, seed=1), found(1, 0.3, seed=2), found(1, 0.2, seed=3), found(2, 0.8)]
    (row,) = rows_of(results, pool=True)
    assert row.values("unmasked NDCG@10") == pytest.approx([0.2, 0.8])
    assert row.seeds == "1-3"


@pytest.mark.parametrize(
    "other",
    [
        found(2, 0.2, dim=16),  # other settings
        found(2, 0.2, kind="target all"),  # other targets
        found(1, 0.2),  # the same cut and seed again
        found(1, 0.2, seed=2, print_of="another"),  # of other cuts
        Found(Path("a"), "shop-cut-2", "p", "leave-one-out", "test", {"unmasked": {"NDCG@10": 0.2}}, {"model.dim": 8}),
    ],
    ids=["settings", "targets", "twice", "other cuts", "no split by time"],
)
def test_what_is_no_other_cut_stays_apart(other):
    assert len(rows_of([found(1, 0.1), other], pool=True)) == 2


def test_a_name_alone_makes_no_cut():
    assert cut_of(found(3, 0.1)) == ("shop", 3)
    plain = Found(Path("a"), "shop-cut-2", "p", "leave-one-out", "test", {}, {})
    assert cut_of(plain) is None
    # One cut alone is a data set like any other.
    (row,) = rows_of([found(3, 0.1)], pool=True)
    assert (row.data, row.fingerprint, row.cuts, row.over) == ("shop-cut-3", "print3", [], "")
