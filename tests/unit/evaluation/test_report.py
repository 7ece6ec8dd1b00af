"""The report: every number with its protocol and its interval, readable in a pipe, exact in JSON."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.intervals import metric_intervals
from fearec_cli.evaluation.ranks import MISS
from fearec_cli.evaluation.report import Report
from fearec_cli.evaluation.shown import to_json, to_text
from fearec_cli.evaluation.slices import Slice
from support import tiny

METRICS = ["HR@1", "NDCG@1", "MRR@1", "HR@10", "NDCG@10", "MRR@10"]


@pytest.fixture
def report() -> Report:
    targets = tiny.held_out("test", users=range(3))
    model = Evaluation(targets, {"unmasked": np.array([2, 3, 40]), "seen-masked": np.array([1, 3, 40])})
    popularity = Evaluation(targets, {"unmasked": np.array([9, 99, 9]), "seen-masked": np.array([8, 98, 8])})
    return Report(
        header=tiny.header(dataset="shop [2014]"),
        model=model,
        baselines={"popularity": popularity},
        described={"popularity": "most bought"},
        slices=[
            Slice("target", "new", np.array([0, 2])),
            Slice("target", "repeated", np.array([1])),
            Slice("time", "2014-05-01 [UTC] to 2014-06-01", np.array([0, 1])),
        ],
        ks=(1, 10),
    )


@pytest.fixture
def repeating(report: Report) -> Report:
    """The second of three targets is in its own history."""
    model = replace(report.model, ranks={"unmasked": np.array([2, 1, 40]), "seen-masked": np.array([1, MISS, 40])})
    return replace(report, model=model, header=tiny.header(repeated=1))


def printed(report: Report, *, width: int = 80, with_slices: bool = False) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width).print(to_text(report, with_slices=with_slices))
    return stream.getvalue()


def test_every_number_has_the_interval_of_its_own_ranks(report: Report) -> None:
    assert report.numbers["model"]["unmasked"]["HR@10"].value == 2 / 3
    alone = metric_intervals({"any": report.model.ranks["seen-masked"]}, np.arange(3), report.ks)["any"]
    for name, (value, *ends) in report.numbers["model"]["seen-masked"].items():
        assert value == report.metrics(report.model)["seen-masked"][name]
        assert tuple(ends) == alone[name]
    assert list(report.numbers) == ["model", "popularity"]


def test_a_slice_has_the_numbers_of_its_targets(report: Report) -> None:
    found = report.numbers_of(report.slices[1])
    assert found["model"]["unmasked"]["MRR@10"] == (1 / 3, 1 / 3, 1 / 3)
    assert found["popularity"]["unmasked"]["HR@10"].value == 0


def test_users_with_several_targets_have_a_mean_average_precision(report: Report) -> None:
    targets = tiny.held_out("test", users=[0, 0, 4])
    several = replace(
        report,
        model=replace(report.model, held_out=targets),
        baselines={"popularity": replace(report.baselines["popularity"], held_out=targets)},
    )
    numbers = several.numbers["model"]["unmasked"]
    assert numbers["MAP@10"].value == pytest.approx((1 / 2 + 1 / 3) / 2 / 2)
    assert numbers["MRR@10"].value == pytest.approx((1 / 2 + 1 / 3) / 3)
    assert "MAP@10" not in report.numbers["model"]["unmasked"]


def test_json_is_exact_and_names_protocols(report: Report) -> None:
    values = json.loads(json.dumps(to_json(report)))
    assert list(values) == [
        *("dataset", "fingerprint", "split", "rule", "target", "ties", "items", "targets", "users", "cold"),
        *("repeated", "leaked", "tied", "checkpoint", "preset", "seed", "samples", "loss", "device", "seconds"),
        *("protocols", "intervals", "baselines", "slices"),
    ]
    assert (values["dataset"], values["fingerprint"]) == ("shop [2014]", "ab12")
    assert (values["split"], values["targets"], values["users"]) == ("test", 3, 3)
    assert values["rule"] == {"rule": "leave-one-out"}
    assert values["cold"] == {"users": 0, "items": 0, "dropped": 0}
    popularity = values["baselines"]["popularity"]
    assert popularity["what"] == "most bought"
    for found in (values, popularity):
        for part in ("protocols", "intervals"):
            assert list(found[part]) == ["unmasked", "seen-masked"]
            assert list(found[part]["unmasked"]) == METRICS
    assert values["protocols"]["unmasked"]["HR@10"] == 2 / 3
    assert values["protocols"]["seen-masked"]["HR@1"] == 1 / 3
    low, high = values["intervals"]["unmasked"]["HR@10"]
    assert 0 <= low <= 2 / 3 <= high <= 1
    assert popularity["protocols"]["seen-masked"]["MRR@10"] == pytest.approx((1 / 8 + 1 / 8) / 3, rel=1e-15)


def test_json_has_every_slice_where_they_are_asked_for(report: Report) -> None:
    assert [part["name"] for part in to_json(report)["slices"]] == ["new", "repeated"]
    parts = to_json(report, with_slices=True)["slices"]
    assert [(part["by"], part["targets"]) for part in parts] == [("target", 2), ("target", 1), ("time", 2)]
    assert parts[0]["model"]["protocols"]["unmasked"]["HR@10"] == 0.5
    assert parts[2]["popularity"]["protocols"]["unmasked"]["HR@10"] == 0.5


def test_a_table_for_each_protocol_shows_all_that_ranked(report: Report) -> None:
    lines = [line.split() for line in printed(report).splitlines()]
    assert ["unmasked", "model", "popularity"] in lines
    assert ["seen-masked", "model", "popularity"] in lines
    assert ["HR@1", "0.3333", "0.0000"] in lines
    at = lines.index(["HR@10", "0.6667", "0.6667"])
    low, high = report.numbers["model"]["unmasked"]["HR@10"][1:]
    assert lines[at + 1][0] == f"{low:.4f}-{high:.4f}".replace("0.", ".").replace("1.0000", "1.000")
    assert ["popularity:", "most", "bought"] in lines


def test_repeated_targets_are_reported_apart_where_they_are_many(report: Report, repeating: Report) -> None:
    assert "seen-masked recommends nothing" not in printed(report)
    text = printed(repeating)
    assert (
        "1 of 3 targets (33.3%) are in their own history, and seen-masked recommends nothing of it: it counts them as "
        "misses and measures the discovery of new items only."
    ) in " ".join(text.split())
    lines = [line.split() for line in text.splitlines()]
    assert ["NDCG@10,"] in lines
    assert ["unmasked", "model", "popularity"] in lines
    assert ["new", "0.3155", "0.3010"] in lines  # 1 / log2(3) / 2, and twice 1 / log2(10) / 2
    assert ["repeated", "1.0000", "0.0000"] in lines
    assert to_json(repeating)["protocols"]["seen-masked"]["HR@10"] == 1 / 3


def test_slices_are_shown_where_they_are_asked_for(report: Report) -> None:
    assert "2 targets" not in printed(report)
    text = " ".join(printed(report, with_slices=True).split())
    assert "2 targets" in text
    assert "[UTC]" in text  # a name is no markup


def test_what_is_printed_is_plain_in_a_pipe_and_fits_80_columns(repeating: Report) -> None:
    five = dict.fromkeys(("popularity", "recent", "last-item", "item-knn"), repeating.model)
    text = printed(replace(repeating, baselines=five), with_slices=True)
    assert "\x1b" not in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert printed(report_of(repeating)).startswith("shop [2014], test, 3 targets; fingerprint ab12")


def report_of(report: Report) -> Report:
    return replace(report, header=tiny.header(dataset="shop [2014]"))
