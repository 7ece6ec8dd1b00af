"""The demo: the same everywhere, and with the rhythms that it claims."""

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from fearec_adapters.datasets.demo import Demo, DemoOptions
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.errors import DataError

DAY = 86_400 * 10**6


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return Demo(DemoOptions()).read(None).frame.collect()


def test_it_is_this_log_on_every_machine() -> None:
    rows = Demo(DemoOptions(users=20)).read(None).frame.collect().rows()
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert digest == "954646d72a544e51b41470228399d4f4a5b4c89416b99aad6396cb0531d46d08"


def test_another_seed_gives_another_log() -> None:
    first, second = (Demo(DemoOptions(users=3, seed=seed)).read(None) for seed in (0, 1))
    assert not first.frame.collect().equals(second.frame.collect())
    assert first.source != second.source


def test_size_and_order(frame: pl.DataFrame) -> None:
    assert frame.schema == {"user": pl.String, "item": pl.String, "timestamp": pl.Int64}
    assert frame["user"].n_unique() == 600
    assert 300 <= frame["item"].n_unique() <= 400
    lengths = frame.group_by("user").len()["len"]
    assert lengths.min() >= 20
    assert 50 <= lengths.mean() <= 60
    assert frame["timestamp"].is_sorted()


@pytest.mark.parametrize("periods", [(7, 30), (5, 20), (20, 5)])
def test_habits_have_the_periods_in_the_notes(periods: tuple[int, int]) -> None:
    log = Demo(DemoOptions(users=200, periods=periods)).read(None)
    frame = log.frame.collect()
    planted = log.notes["planted"][:2]
    assert tuple(habit["days"] for habit in planted) == periods
    for habit in planted:
        events = frame.filter(pl.col("item").str.starts_with(habit["items"].rstrip("*")))
        assert events["user"].n_unique() == 200
        gaps = events.select(gap=pl.col("timestamp").diff().over("user")).drop_nulls()["gap"] / DAY
        assert abs(gaps.mean() - habit["days"]) < 0.05
        # Two jitters of at most six hours each.
        assert gaps.is_between(habit["days"] - 0.52, habit["days"] + 0.52).all()


@pytest.mark.parametrize("periods", [(7, 7), (1, 7), (7, 61), (7,), 7, "weekly"])
def test_periods_are_two_different_numbers_of_days(periods: object) -> None:
    with pytest.raises(ValidationError, match="periods"):
        DemoOptions.model_validate({"periods": periods})


def test_periods_are_an_option_of_the_command_line(tmp_path: Path) -> None:
    prepared, _ = prepare_source("demo", out=tmp_path / "demo", assignments=["demo.users=20", "demo.periods=[5, 20]"])
    assert prepared.manifest.source.options["periods"] == [5, 20]
    assert {name.partition("-")[0].rstrip("0123456789") for name in prepared.item_ids()} == {
        *("every5days", "every20days", "topic")
    }
    assert (
        prepare_source("demo", out=tmp_path / "demo", assignments=["demo.users=20", "demo.periods=[5,20]"])[1] is False
    )


def test_the_recent_past_tells_more_than_popularity(frame: pl.DataFrame) -> None:
    """HR@10 of the last item: by popularity, and by what followed the last but one (first-order Markov)."""
    codes = frame["item"].rank("dense").to_numpy() - 1
    users = frame["user"].to_numpy()
    sequences = [codes[users == user] for user in np.unique(users)]
    n = codes.max() + 1
    popularity, follows = np.zeros(n), np.zeros((n, n))
    for sequence in sequences:
        np.add.at(popularity, sequence[:-1], 1)
        np.add.at(follows, (sequence[:-2], sequence[1:-1]), 1)
    hits = {"popularity": 0, "markov": 0}
    for sequence in sequences:
        *_, last, target = sequence
        scores = {"popularity": popularity, "markov": follows[last] + 1e-6 * popularity}
        for name, score in scores.items():
            hits[name] += bool((score > score[target]).sum() < 10)
    assert hits["popularity"] / len(sequences) < 0.25
    assert hits["markov"] / len(sequences) > 0.45


def test_it_reads_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="reads no file; leave --from out"):
        Demo(DemoOptions()).read(tmp_path)
