"""Comparisons of made ranks: by hand, pooled over seeds, and what does not compare."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from fearec_cli.comparing.comparison import caution, compare, conclusion, detection, to_json
from fearec_cli.comparing.judged import Judged
from fearec_cli.errors import ConfigError, EvaluationError
from fearec_cli.evaluation.metrics import hit_rate, mrr, ndcg

USERS = 300


def judged(name: str, *runs: np.ndarray, users: np.ndarray | None = None) -> Judged:
    of = pl.Series([f"u{user:03}" for user in (np.arange(len(runs[0])) if users is None else users)])
    ranks = [{"unmasked": run, "seen-masked": run} for run in runs]
    return Judged(name, "toy", "ab12", "leave-one-out", "test", "ties", of, np.arange(len(runs[0])) * 5, ranks)


def ranks(seed: int, worst: int = 60, size: int = USERS) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, worst, size)


@pytest.mark.parametrize(("metric", "function"), [("HR@10", hit_rate), ("NDCG@10", ndcg), ("MRR@5", mrr)])
def test_values_are_those_of_the_metrics(metric: str, function) -> None:
    k = int(metric.split("@")[1])
    users = np.sort(np.random.default_rng(5).integers(0, 40, USERS))  # several targets of a user
    one, two = ranks(1), ranks(2)
    systems = [judged("a", one, users=users), judged("b", two, users=users)]
    (found,) = compare(systems, [metric], ["unmasked"], draws=200)
    assert found.values == pytest.approx((function(one, k), function(two, k)))
    assert found.difference.value == pytest.approx(function(two, k) - function(one, k))


def test_better_worse_and_noise() -> None:
    good, bad, like_bad = ranks(1, 15), ranks(2, 200), ranks(3, 200)
    found = compare([judged("bad", bad), judged("good", good), judged("other", like_bad)], ["NDCG@10"], ["unmasked"])
    assert [each.verdict for each in found] == ["better", "inside noise"]
    assert compare([judged("good", good), judged("bad", bad)], ["HR@10"], ["unmasked"])[0].verdict == "worse"
    assert conclusion(found[0]).startswith("good is better than bad by NDCG@10, unmasked: ")
    assert "the difference between other and bad is inside noise" in conclusion(found[1])
    # Two tests: the smaller p counts twice.
    assert found[0].p == pytest.approx(2 * found[0].difference.p)


def test_what_is_the_same_is_inside_noise() -> None:
    same = judged("a", ranks(1))
    (found,) = compare([same, replace(same, name="b")], ["NDCG@10"], ["seen-masked"], draws=200)
    assert (found.p, found.difference.value, found.verdict) == (1, 0, "inside noise")


def test_seeds_are_pooled() -> None:
    runs = [ranks(seed) for seed in range(3)]
    (found,) = compare([judged("a", *runs), judged("b", ranks(9))], ["HR@10"], ["unmasked"], draws=200)
    rates = [hit_rate(run, 10) for run in runs]
    assert found.values[0] == pytest.approx(np.mean(rates))
    assert found.deviations == pytest.approx((np.std(rates, ddof=1), 0))
    assert found.runs == (3, 1)
    assert caution([judged("a", *runs), judged("b", ranks(9))]).startswith("one run: b. ")
    assert caution([judged("a", *runs)]) == ""


def test_few_seeds_cannot_show_one_percent() -> None:
    one, two = ranks(1), ranks(2)
    three = [
        judged(name, *(np.where(np.arange(USERS) < seed, 1, base) for seed in range(3)))
        for name, base in (("a", one), ("b", two))
    ]
    (found,) = compare(three, ["NDCG@10"], ["unmasked"], draws=500)
    assert detection(found, 0.01).startswith("3 seeds cannot show a difference of 1.00% of 0.")
    assert detection(found, 0.01).endswith("no number of seeds would: the users are too few for it")
    assert detection(found, 0.99).startswith("3 seeds can show a difference of 99.00%")
    # Users agree but for their seeds: only more seeds are missing.
    base = np.concatenate([np.ones(1000, dtype=np.int64), np.full(1000, 100)])
    shifted = [np.roll(base, 0), np.where(np.arange(2000) < 1010, 1, 100), np.where(np.arange(2000) < 990, 1, 100)]
    (found,) = compare([judged("a", *shifted), judged("b", *shifted)], ["HR@10"], ["unmasked"], draws=200)
    assert "cannot show a difference of 1.00%" in detection(found, 0.01)
    assert "seeds of each would" in detection(found, 0.01)
    (single,) = compare([judged("a", *shifted), judged("b", base)], ["HR@10"], ["unmasked"], draws=200)
    assert detection(single, 0.01).startswith("a single run cannot show a difference of 1.00%")


def test_everything_is_in_the_json() -> None:
    systems = [judged("a", ranks(1)), judged("b", ranks(2))]
    found = compare(systems, ["NDCG@10"], ["unmasked"], draws=200)
    values = to_json(found, systems)
    assert (values["fingerprint"], values["targets"], values["users"]) == ("ab12", USERS, USERS)
    (row,) = values["comparisons"]
    assert row["difference"]["value"] == found[0].difference.value
    assert row["verdict"] == found[0].verdict


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"part": "valid"}, "a and b do not compare: they differ in their held-out part: test, and valid"),
        ({"rule": "global-time"}, "they differ in their split: leave-one-out, and global-time"),
        ({"fingerprint": "cd34"}, r"in their data set: toy \(fingerprint ab12\), and toy \(fingerprint cd34\)"),
        ({"ties": "halves"}, "in their tie rule: ties, and halves"),
        ({"history": np.arange(USERS)}, "in their targets: 300 targets, and 300, some of them others"),
        ({"runs": [{"seen-masked": ranks(2)}]}, "b: has no ranks under the protocol unmasked"),
    ],
    ids=["part", "split", "data", "ties", "targets", "protocol"],
)
def test_what_does_not_compare(change: dict, problem: str) -> None:
    other = replace(judged("b", ranks(2)), **change)
    with pytest.raises(EvaluationError, match=problem):
        compare([judged("a", ranks(1)), other], ["NDCG@10"], ["unmasked"])


def test_one_system_and_an_unknown_metric() -> None:
    with pytest.raises(ConfigError, match="name two or more"):
        compare([judged("a", ranks(1))], ["NDCG@10"], ["unmasked"])
    with pytest.raises(ConfigError, match="no metric is called 'NDCF'; did you mean 'NDCG'"):
        compare([judged("a", ranks(1)), judged("b", ranks(2))], ["NDCF@10"], ["unmasked"])
