"""The report: every number with its protocol, readable in a pipe, exact in JSON."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.report import Report, to_json, to_table


@pytest.fixture
def report():
    model = Evaluation("test", {"unmasked": np.array([2, 3, 40]), "seen-masked": np.array([1, 3, 40])})
    popularity = Evaluation("test", {"unmasked": np.array([9, 99, 9]), "seen-masked": np.array([8, 98, 8])})
    return Report(dataset="shop [2014]", fingerprint="ab12", model=model, popularity=popularity, ks=(1, 10))


def printed(report, width=80):
    stream = io.StringIO()
    Console(file=stream, width=width).print(to_table(report))
    return stream.getvalue()


def test_json_is_exact_and_names_protocols(report):
    values = json.loads(json.dumps(to_json(report)))
    assert list(values) == ["dataset", "fingerprint", "split", "users", "protocols", "popularity"]
    assert (values["dataset"], values["fingerprint"]) == ("shop [2014]", "ab12")
    assert (values["split"], values["users"]) == ("test", 3)
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


def test_table_is_plain_in_a_pipe(report):
    text = printed(report)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "shop [2014], test, 3 users" in text
