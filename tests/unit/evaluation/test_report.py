"""The report: every number with its protocol, readable in a pipe, exact in JSON."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.ranks import MISS
from fearec_cli.evaluation.report import Report, to_json, to_text
from support import tiny


@pytest.fixture
def report():
    targets = tiny.held_out("test", users=range(3))
    model = Evaluation(targets, {"unmasked": np.array([2, 3, 40]), "seen-masked": np.array([1, 3, 40])})
    popularity = Evaluation(targets, {"unmasked": np.array([9, 99, 9]), "seen-masked": np.array([8, 98, 8])})
    return Report(header=tiny.header(dataset="shop [2014]"), model=model, popularity=popularity, ks=(1, 10))


def printed(report, width=80):
    stream = io.StringIO()
    Console(file=stream, width=width).print(to_text(report))
    return stream.getvalue()


def test_json_is_exact_and_names_protocols(report):
    values = json.loads(json.dumps(to_json(report)))
    assert list(values) == [
        *("dataset", "fingerprint", "split", "rule", "target", "ties", "items", "targets", "users", "cold"),
        *("repeated", "leaked", "tied", "checkpoint", "preset", "seed", "samples", "loss", "device", "seconds"),
        *("protocols", "popularity", "novelty"),
    ]
    assert (values["dataset"], values["fingerprint"]) == ("shop [2014]", "ab12")
    assert (values["split"], values["targets"], values["users"]) == ("test", 3, 3)
    assert values["rule"] == {"rule": "leave-one-out"}
    assert values["cold"] == {"users": 0, "items": 0, "dropped": 0}
    assert list(values["protocols"]) == list(values["popularity"]) == ["unmasked", "seen-masked"]
    assert list(values["protocols"]["unmasked"]) == ["HR@1", "NDCG@1", "MRR@1", "HR@10", "NDCG@10", "MRR@10"]
    assert values["protocols"]["unmasked"]["HR@10"] == 2 / 3
    assert values["protocols"]["seen-masked"]["HR@1"] == 1 / 3
    assert values["popularity"]["seen-masked"]["MRR@10"] == pytest.approx((1 / 8 + 1 / 8) / 3, rel=1e-15)


def test_table_shows_both_protocols_side_by_side(report):
    lines = [line.split() for line in printed(report).splitlines()]
    assert ["unmasked", "unmasked", "seen-masked", "seen-masked"] in lines
    assert ["metric", "model", "popularity", "model", "popularity"] in lines
    assert ["HR@1", "0.0000", "0.0000", "0.3333", "0.0000"] in lines
    assert ["HR@10", "0.6667", "0.6667", "0.6667", "0.6667"] in lines


def test_repeated_targets_are_told_apart(report):
    assert "seen-masked recommends nothing" not in printed(report)
    model = replace(report.model, ranks={"unmasked": np.array([2, 1, 40]), "seen-masked": np.array([1, MISS, 40])})
    report = replace(report, model=model, popularity=replace(model), header=tiny.header(repeated=1))
    text = printed(report)
    assert (
        "1 of 3 targets (33.3%) are in their own history, and seen-masked recommends nothing of it: it counts them as "
        "misses and measures the discovery of new items only."
    ) in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
    lines = [line.split() for line in text.splitlines()]
    assert ["new", "new", "repeated", "repeated"] in lines
    assert ["HR@1", "0.0000", "0.0000", "1.0000", "1.0000"] in lines
    values = to_json(report)
    assert values["repeated"] == 1
    assert values["novelty"]["new"]["model"]["HR@10"] == 0.5
    assert values["novelty"]["repeated"]["model"]["HR@10"] == 1
    assert values["protocols"]["seen-masked"]["HR@10"] == 1 / 3


def test_table_is_plain_in_a_pipe(report):
    text = printed(report)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("shop [2014], test, 3 targets; fingerprint ab12")
