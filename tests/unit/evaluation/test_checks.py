"""The leak check finds what reads ahead, and the shuffle check what does not look at the order."""

import numpy as np
import pytest
import torch

from fearec_cli.data.batches import InteractionTable, gather_histories
from fearec_cli.errors import EvaluationError
from fearec_cli.evaluation import checks
from fearec_cli.evaluation import evaluate as evaluation
from fearec_cli.evaluation.checks import Remains, check_leaks, evaluate_shuffled
from support import tiny

SEQUENCES = [np.random.default_rng(user).integers(1, 21, 4 + user % 9).tolist() for user in range(30)]
DATA = tiny.prepared(SEQUENCES, 20)
TABLE = InteractionTable.load(DATA, torch.device("cpu"))
CPU = "training.device=cpu"


class Last:
    """Recommends the last item's own number, by rows of an identity."""

    max_length, padding = 3, "right"

    def represent(self, ids, lengths):
        return torch.eye(20)[ids[torch.arange(len(ids)), lengths - 1] - 1]

    def item_table(self):
        return torch.eye(20)

    def added_scores(self, ids, lengths):
        return None


@pytest.mark.parametrize("preset", ["sasrec", "sasrec-causal", "fearec"])
@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_model_reads_nothing_that_comes_later(preset: str, part: str) -> None:
    encoder = tiny.encoder(tiny.config(preset=preset), 20)
    found = check_leaks(encoder, TABLE, DATA.split.held_out(part))
    assert (found.targets, found.changed) == (30, 30 if part == "test" else 60)


def test_what_reads_its_target_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(items, starts, ends, *others):
        return gather_histories(items, starts, ends + 1, *others)

    check_leaks(Last(), TABLE, DATA.split.test)
    monkeypatch.setattr(evaluation, "gather_histories", too_long)
    with pytest.raises(EvaluationError, match=r"^leak check: scores moved when only items at and after"):
        check_leaks(Last(), TABLE, DATA.split.test)


def test_what_reads_its_target_in_added_scores_is_found() -> None:
    class Peeking(Last):
        def __init__(self) -> None:
            self.calls = 0

        def added_scores(self, ids, lengths):
            self.calls += 1
            rows = torch.arange(len(ids))
            return checks.AddedScores(rows, torch.zeros_like(rows), torch.full((len(ids),), float(self.calls)))

    with pytest.raises(EvaluationError, match="scores moved"):
        check_leaks(Peeking(), TABLE, DATA.split.test)


def test_only_some_of_many_targets_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_CHECKED", 7)
    assert check_leaks(Last(), TABLE, DATA.split.test).targets == 7


def test_a_catalogue_of_one_item_cannot_be_checked() -> None:
    data = tiny.prepared([[1, 1, 1]], 1)
    with pytest.raises(EvaluationError, match="nothing was checked"):
        check_leaks(Last(), InteractionTable.load(data, torch.device("cpu")), data.split.test)


def test_what_looks_at_the_last_item_alone_loses_when_histories_are_shuffled() -> None:
    # The next item is the last one again, after nine others.
    sequences = [[*range(1 + user, 10 + user), 10 + user, 10 + user] for user in range(10)]
    data = tiny.prepared(sequences, 20)
    found = evaluate_shuffled(Last(), InteractionTable.load(data, torch.device("cpu")), data.split.test)
    assert (found.ordered.ranks["unmasked"] == 1).all()
    assert (found.shuffled.ranks["unmasked"] == 1).mean() < 0.5
    assert found.shuffled.repeated.all()  # the set of seen items stays


def test_what_does_not_look_at_the_order_keeps_everything() -> None:
    class Same(Last):
        def represent(self, ids, lengths):
            return torch.ones(len(ids), 20)

        def item_table(self):
            return torch.arange(20.0)[:, None].expand(20, 20)

    found = evaluate_shuffled(Same(), TABLE, DATA.split.test)
    for protocol, ranks in found.ordered.ranks.items():
        assert found.shuffled.ranks[protocol].tolist() == ranks.tolist()


def test_the_share_that_stays() -> None:
    assert Remains(0.4, 0.1).share == 0.25
    assert Remains(0.0, 0.0).share is None
