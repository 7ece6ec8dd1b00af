"""What is measured of a model, beside what is known of it by construction."""

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import DataError
from fearec_cli.evaluation.evaluate import Evaluation, evaluate
from fearec_cli.insight.histories import sample_users
from fearec_cli.insight.inspection import Inspection, inspect, period_strength, to_json
from fearec_cli.insight.page.figures import figures
from fearec_cli.insight.sentences import sentences
from fearec_cli.insight.spectra import energies, filter_gains, flatness, padding_leak
from fearec_cli.insight.subject import with_subject
from fearec_cli.insight.user import view
from fearec_cli.insight.weights import branch_weights
from fearec_cli.model.branches import only, silenced
from fearec_cli.runs.checkpoint import Checkpoint, describe
from fearec_cli.runs.evaluation import evaluate_checkpoint
from fearec_cli.serving.recommender import Recommender
from support import tiny

SEQUENCES = [[(start + step) % 12 + 1 for step in range(12)] for start in range(12)]


def checkpoint(*assignments: str, preset: str = "fearec", **flags: str) -> Checkpoint:
    settings = tiny.config(*assignments, preset=preset, **flags)
    recipe = Recipe.of(settings, load_components())
    info = describe(recipe, dataset="tiny", fingerprint="ab12", split=tiny.LEAVE_ONE_OUT, step=1, metrics={})
    return Checkpoint(Path("tiny"), info, recipe, tiny.encoder(settings, 12), [f"i{row}" for row in range(12)])


def data(*, timed: bool = True) -> Prepared:
    times = [day * 86_400_000_000 for _ in SEQUENCES for day in range(12)] if timed else None
    return tiny.prepared(SEQUENCES, n_items=12, times=times)


def test_a_filters_gain_is_its_response() -> None:
    found = filter_gains(checkpoint(preset="fearec").encoder)
    assert [each.layer for each in found] == [0, 1]
    assert set(found[0].gain) == {0.0, 1.0}
    assert found[0].gain[0] == 0  # the first layer keeps high frequencies, the last one low ones
    assert found[1].gain[0] == 1


def test_shares_of_energy_are_those_of_a_pure_tone() -> None:
    made = checkpoint(preset="sasrec").encoder
    with torch.no_grad():  # two items of opposite sign in turn: everything lies at half a cycle an item
        made.embedding.items.weight[1] = 1.0
        made.embedding.items.weight[1, ::2] = -1.0
        made.embedding.items.weight[2] = -made.embedding.items.weight[1]
        made.embedding.positions.weight.zero_()
        made.embedding.norm.bias.zero_()
    first = energies(made, torch.tensor([[1, 2] * 5]), torch.tensor([10]))[0]
    assert first.stage == "input"
    assert first.share[-1] == pytest.approx(1, abs=1e-5)
    assert first.centre == pytest.approx(0.475, abs=1e-4)
    assert padding_leak(made, torch.tensor([[1, 2] * 5]), torch.tensor([10])) == 0
    assert padding_leak(made, torch.tensor([[1, 2] * 4 + [0, 0]]), torch.tensor([8])) > 0.01


def test_flatness_and_strength_of_a_period() -> None:
    tone = np.sin(np.arange(32) * np.pi / 4)[:, None]
    noise = np.random.default_rng(0).normal(size=(32, 8))
    assert flatness(tone) < 0.01 < 0.5 < flatness(noise)
    assert period_strength(tone) > 0.6 > period_strength(noise)


def test_a_silent_branch_and_a_branch_alone_are_the_ends_of_gamma() -> None:
    ids, lengths = tiny.sequences_batch([10, 4], 10, 12, "right")
    mixed = checkpoint("mix.gamma=0.5").encoder
    with torch.no_grad():
        before = mixed.represent(ids, lengths)
        with silenced(mixed, 1), only(mixed, 0):
            first = mixed.represent(ids, lengths)
        with only(mixed, 0):
            again = mixed.represent(ids, lengths)
        assert torch.equal(first, again)
        assert not torch.allclose(first, before)
        assert torch.equal(mixed.represent(ids, lengths), before)
    shares = branch_weights(checkpoint("mix.gamma=1.0").encoder, ids, lengths)
    assert [each.share for each in shares] == [(1.0, 0.0), (1.0, 0.0)]
    assert [each.gamma for each in shares] == [1.0, 1.0]


def test_a_whole_inspection_and_its_words() -> None:
    found = inspect(checkpoint(), data())
    assert found.days_per_item == 1
    assert set(found.returns) == {"days", "hours"}
    assert set(found.chosen) == {"items", "days", "hours"}
    assert {gain.branch for gain in found.gains} == {"ramp", "autocorr"}
    assert len(found.weights) == 2
    words = sentences(found)
    assert any(sentence.startswith("Layer 1 passes frequencies from") for sentence in words)
    assert "No user comes back to an item within the lags looked at" in " ".join(words)
    json.dumps(to_json(found))


@pytest.mark.parametrize(
    ("settings", "timed", "reasons"),
    [
        (
            {"preset": "sasrec"},
            True,
            ["the model filters nothing", "no branch of the model chooses delays", "one branch (dot)"],
        ),
        ({"preset": "fearec"}, False, ["the data set has no timestamps"]),
    ],
)
def test_what_cannot_be_measured_is_said_and_the_rest_is_there(
    settings: dict[str, str], timed: bool, reasons: list[str]
) -> None:
    found = inspect(checkpoint(**settings), data(timed=timed))
    missing = " ".join(found.missing)
    assert all(reason in missing for reason in reasons)
    assert found.energy
    assert all(f"Not measured: {reason}." in sentences(found) for reason in found.missing)


def test_what_is_drawn_of_a_large_log_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made, prepared = checkpoint(), data()
    whole = inspect(made, prepared)
    assert whole.samples == []
    assert not any("samples" in sentence for sentence in sentences(whole))
    for name, size in {"_HISTORIES": 9, "_INTERACTIONS": 60, "_SCORES": 7 * 12}.items():
        monkeypatch.setattr(f"fearec_cli.insight.inspection.{name}", size)
    evaluated = evaluate_checkpoint(made, prepared).model
    found = inspect(made, prepared, evaluated=evaluated)
    assert (
        "Looked at in samples: frequencies, delays and weights in 9 of 12 histories; returns in 60 interactions of "
        "5 of 12 users; gains of the branches in 7 of 12 targets."
    ) in sentences(found)
    assert {gain.users for gain in found.gains} < set(range(1, 8))
    assert found.gains == inspect(made, prepared).gains  # the ranks that were known are those of the same targets


def test_users_are_drawn_whole() -> None:
    items, offsets = np.arange(1, 21, dtype=np.int32), np.array([0, 5, 6, 12, 20])
    drawn = sample_users(items, offsets, items.astype(np.int64) * 10, 14, seed=3)
    own = [drawn.items[start:end].tolist() for start, end in itertools.pairwise(drawn.offsets)]
    all_of_them = [items[start:end].tolist() for start, end in itertools.pairwise(offsets)]
    assert own == [user for user in all_of_them if user in own]
    assert 0 < len(own) < 4
    assert len(drawn.items) <= 14
    assert drawn.timestamps.tolist() == (drawn.items * 10).tolist()
    assert len(sample_users(items, offsets, items.astype(np.int64), 0).offsets) == 2  # one user at least


def test_an_evaluation_that_was_made_already_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    made, prepared = checkpoint(), data()
    expected = inspect(made, prepared).gains
    evaluated = evaluate_checkpoint(made, prepared).model
    rankings = []

    def counted(*arguments: Any) -> Evaluation:
        rankings.append(arguments)
        return evaluate(*arguments)

    monkeypatch.setattr("fearec_cli.insight.gains.evaluate", counted)
    assert inspect(made, prepared, evaluated=evaluated).gains == expected
    assert len(rankings) == 2  # one with each of the two branches silent


def test_a_view_recommends_what_recommend_does_in_the_same_order_among_equals() -> None:
    made = checkpoint()
    with torch.no_grad():
        made.encoder.embedding.items.weight[1:] = 1.0
    found = view(made.encoder, [4, 2, 2], made.item_ids, ("ramp", "autocorr"))
    (expected,) = Recommender(made).recommend([["i3", "i1", "i1"]]).items
    assert found.recommended["all"] == expected == [f"i{row}" for row in range(12) if row not in (1, 3)]


def test_a_user_who_has_every_item_is_recommended_none() -> None:
    made = checkpoint()
    assert view(made.encoder, range(1, 13), made.item_ids, ("ramp", "autocorr")).recommended["all"] == []


def test_distances_are_read_off_the_model_and_said() -> None:
    made = checkpoint("model.positions=relative", "model.repeats=learned")
    with torch.no_grad():
        for index, layer in enumerate(made.encoder.layers):
            layer.branches[0].attend.relative.bias.zero_()[1, 3 + index] = 2.0
        made.encoder.repeats.bias.zero_()[4] = -1.5
    found = inspect(made, data())
    assert [(each.layer, each.branch, each.head) for each in found.biases] == [
        (0, "ramp", 0),
        (0, "ramp", 1),
        (1, "ramp", 0),
        (1, "ramp", 1),
    ]
    assert [int(each.bias.argmax()) for each in found.biases] == [0, 3, 0, 4]
    assert found.repeats is not None
    assert found.repeats.tolist() == [0.0] * 4 + [-1.5] + [0.0] * 5
    words = sentences(found)
    assert "Layer 2, ramp: what its heads add by distance is largest at 0 and 4 items back." in words
    assert any("-1.50 (last seen 4 items before the latest)" in sentence for sentence in words)
    assert to_json(found)["biases"][3]["bias"][4] == 2.0
    assert {"biases", "repeats"} <= {figure.key for figure in figures(found)}
    assert inspect(checkpoint(), data()).repeats is None


def test_another_model_beside_it() -> None:
    found = inspect(checkpoint(), data(), beside=checkpoint(preset="sasrec"))
    assert [stage.stage for stage in found.beside] == ["input", "after layer 1", "after layer 2"]
    words = sentences(found)
    assert any(sentence.startswith("Of the model beside it the layers") for sentence in words)
    assert any(sentence.startswith(("This model keeps", "Both keep")) for sentence in words)
    same = replace(found, beside=found.energy)
    assert any(sentence.startswith("Both keep about as much of the mean frequency") for sentence in sentences(same))
    halved = [replace(found.energy[0]), replace(found.energy[0], share=np.eye(len(found.energy[0].share))[0])]
    words = sentences(replace(found, energy=halved, beside=[*halved[:1], *halved[:1]]))
    assert any(
        re.match(r"This model keeps \d+% of the mean frequency, less than the 100% of the one", each) for each in words
    )


def test_a_users_view() -> None:
    made = checkpoint()
    found = view(made.encoder, [1, 2, 3, 4], made.item_ids, ("ramp", "autocorr"))
    assert found.items == ["i0", "i1", "i2", "i3"]
    assert set(found.recommended) == {"all", "ramp", "autocorr"}
    assert not set(found.recommended["all"]) & set(found.items)
    for attention in found.attention.values():
        assert attention.shape == (4,)
        assert attention.sum() == pytest.approx(1)
    assert all(0 <= delay.position < 4 and delay.back == 3 - delay.position for delay in found.delays)
    one = view(made.encoder, [5], made.item_ids, ("ramp", "autocorr"))
    assert one.attention["ramp"].tolist() == [1.0]


def test_a_subject_that_is_not_there_is_answered_with_the_nearest() -> None:
    made, prepared = checkpoint(), data()
    empty = Inspection(attention="ramp+autocorr")
    with pytest.raises(DataError, match="--user u99: tiny has no such user; the nearest are u9"):
        with_subject(empty, made, prepared, user="u99", history=None)
    with pytest.raises(DataError, match="--history j1: the model knows none of these items"):
        with_subject(empty, made, prepared, user=None, history="j1")
    found = with_subject(empty, made, prepared, user=None, history="i1, nobody")
    assert found.user is not None
    assert found.user.items == ["i1"]
    named = with_subject(empty, made, prepared, user="u3", history=None)
    assert named.user is not None
    assert named.user.timestamps is not None
