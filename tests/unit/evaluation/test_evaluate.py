"""What a scorer is shown, what it is asked for, and what is masked."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.split_rules import GlobalTime
from fearec_cli.errors import EvaluationError
from fearec_cli.evaluation.evaluate import Evaluation, evaluate
from fearec_cli.evaluation.ranks import MISS
from support import tiny

SEQUENCES = [[1, 2, 3, 4, 5], [2, 2, 6], [6, 1, 3, 1]]


def run(scorer, sequences, part, n_items=6, **settings):
    data = tiny.prepared(sequences, n_items)
    return evaluate(scorer, table_of(data), data.split.held_out(part), **settings)


def table_of(data) -> InteractionTable:
    return InteractionTable.load(data, torch.device("cpu"))


class Recorder:
    """Scores every item by its row, whoever asks, and keeps what it was shown."""

    def __init__(self, n_items=6, max_length=3, padding="right"):
        self.max_length, self.padding, self.n_items = max_length, padding, n_items
        self.shown = []

    def represent(self, ids, lengths):
        self.shown += [(row.tolist(), int(length)) for row, length in zip(ids, lengths, strict=True)]
        return torch.ones(len(ids), 1)

    def item_table(self):
        return torch.arange(self.n_items, dtype=torch.float32)[:, None]  # item 6 is best, then 5, ...

    def added_scores(self, ids, lengths):
        return None


# The shortest history first.
def test_test_split_shows_all_but_the_last():
    scorer = Recorder()
    run(scorer, SEQUENCES, "test")
    assert scorer.shown == [([2, 2, 0], 2), ([6, 1, 3], 3), ([2, 3, 4], 3)]


def test_valid_split_shows_all_but_the_last_two():
    scorer = Recorder(padding="left")
    run(scorer, SEQUENCES, "valid")
    assert scorer.shown == [([0, 0, 2], 1), ([0, 6, 1], 2), ([1, 2, 3], 3)]


@pytest.mark.parametrize("batch_size", [1, 2, 512])
def test_ranks_by_hand(batch_size):
    test = run(Recorder(), SEQUENCES, "test", batch_size=batch_size)
    # Targets 5, 6 and 1 are second, first and sixth of six; the last user saw the target.
    assert test.held_out.users.tolist() == [0, 1, 2]
    assert test.ranks["unmasked"].tolist() == [2, 1, 6]
    assert test.ranks["seen-masked"].tolist() == [2, 1, MISS]
    assert test.repeated.tolist() == [False, False, True]
    valid = run(Recorder(), SEQUENCES, "valid", batch_size=batch_size)
    # Targets 4, 2 and 3; the second user has seen the target, the third saw 6.
    assert valid.ranks["unmasked"].tolist() == [3, 5, 4]
    assert valid.ranks["seen-masked"].tolist() == [3, MISS, 3]


def test_masks_the_whole_history_not_only_what_the_model_reads():
    scorer = Recorder(max_length=1)
    evaluation = run(scorer, [[6, 5, 4, 2, 1]], "test")
    assert scorer.shown == [([2], 1)]
    assert evaluation.ranks["unmasked"].tolist() == [6]
    assert evaluation.ranks["seen-masked"].tolist() == [2]  # only item 3 is left before item 1


def test_metrics_under_both_protocols():
    evaluation = Evaluation(
        tiny.held_out("test", users=range(4)),
        {"unmasked": np.array([1, 2, 4, 9]), "seen-masked": np.array([1, 1, 2, 4])},
    )
    metrics = evaluation.metrics(k for k in (1, 5))
    assert list(metrics) == ["unmasked", "seen-masked"]
    assert metrics["unmasked"]["HR@1"] == 0.25
    assert metrics["seen-masked"]["HR@1"] == 0.5
    assert metrics["unmasked"]["HR@5"] == 0.75


def test_tells_how_far_it_is():
    steps = []
    run(Recorder(), SEQUENCES, "test", batch_size=2, on_progress=lambda *step: steps.append(step))
    assert steps == [(2, 3), (3, 3)]


def test_refuses_a_scorer_of_another_catalogue():
    with pytest.raises(EvaluationError, match="the model knows 7 items and the data set has 6"):
        run(Recorder(n_items=7), SEQUENCES, "test")


def test_passes_on_that_scores_are_not_a_number():
    scorer = Recorder()
    scorer.represent = lambda ids, lengths: torch.full((len(ids), 1), torch.nan)
    with pytest.raises(EvaluationError, match="NaN"):
        run(scorer, SEQUENCES, "test")


def test_a_split_by_time_ranks_each_target_after_all_that_precedes_it():
    # Training is before time 3. Item 4 of the first user is cold, and the third user too.
    rule = GlobalTime(valid_from=at(3), test_from=at(5), target="all", cold="drop")
    sequences = [[1, 2, 3, 4, 1], [3, 3, 2], [2, 1]]
    data = tiny.prepared(sequences, 6, rule=rule, times=[0, 1, 3, 3, 4, 1, 2, 4, 3, 4])
    scorer, table = Recorder(), table_of(data)
    valid = evaluate(scorer, table, data.split.valid)
    assert scorer.shown == [([1, 2, 0], 2), ([3, 3, 0], 2), ([2, 3, 4], 3)]
    assert valid.held_out.users.tolist() == [0, 0, 1]
    # Recorder puts item 6 first: targets 3, 1 and 2 are fourth, sixth and fifth; 1 was seen itself, and 3 before 2.
    assert valid.ranks["unmasked"].tolist() == [4, 6, 5]
    assert valid.ranks["seen-masked"].tolist() == [4, MISS, 4]


def at(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
