"""The leak check finds what reads ahead, and the shuffle check what does not look at the order."""

import numpy as np
import pytest
import torch
from scipy import stats

from fearec_cli.data.batches import InteractionTable, gather_histories
from fearec_cli.data.splits import ColdTargets, HeldOut
from fearec_cli.errors import EvaluationError
from fearec_cli.evaluation import checks
from fearec_cli.evaluation import evaluate as evaluation
from fearec_cli.evaluation.checks import SHUFFLES, Shuffled, check_leaks, evaluate_shuffled
from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.metrics import discounted_gains
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
    assert len(found.shuffled) == SHUFFLES
    for each in found.shuffled:
        assert (each.ranks["unmasked"] == 1).mean() < 0.6
        assert each.repeated.all()  # the set of seen items stays
    orders = {tuple(each.ranks["unmasked"].tolist()) for each in found.shuffled}
    assert len(orders) > 1


def test_what_does_not_look_at_the_order_keeps_everything() -> None:
    class Same(Last):
        def represent(self, ids, lengths):
            return torch.ones(len(ids), 20)

        def item_table(self):
            return torch.arange(20.0)[:, None].expand(20, 20)

    found = evaluate_shuffled(Same(), TABLE, DATA.split.test)
    for protocol, ranks in found.ordered.ranks.items():
        assert all(each.ranks[protocol].tolist() == ranks.tolist() for each in found.shuffled)
    for each in found.remains([10])["unmasked"].values():
        assert each.share == 1
        assert each.interval == pytest.approx((1, 1))


def evaluation_of(ranks):
    """Ranks of one target a user under both protocols."""
    users = np.arange(len(ranks))
    held_out = HeldOut(users, users, split="test", users=users, cold=ColdTargets(0, 0, 0))
    return Evaluation(held_out, {"unmasked": ranks, "seen-masked": ranks})


def test_the_share_that_stays_is_of_the_mean_over_the_shuffles():
    ordered, one, other = (evaluation_of(np.array(ranks)) for ranks in ([1, 1, 3, 9], [1, 9, 9, 9], [1, 9, 2, 9]))
    found = Shuffled(ordered, [one, other]).remains([1, 5])["unmasked"]
    assert (found["HR@1"].ordered, found["HR@1"].shuffled, found["HR@1"].share) == (0.5, 0.25, 0.5)
    assert found["HR@5"].shuffled == (0.25 + 0.5) / 2
    assert found["MRR@5"].share == pytest.approx((1 / 4 + (1 + 1 / 2) / 4) / 2 / ((1 + 1 + 1 / 3) / 4))
    nothing = Shuffled(evaluation_of(np.array([7, 7])), [one]).remains([5])["unmasked"]["HR@5"]
    assert (nothing.share, nothing.interval) == (None, None)


def test_the_interval_of_the_share_is_paired_over_users():
    random = np.random.default_rng(8)
    ordered = random.integers(1, 21, 500)
    shuffled = np.where(random.random(500) < 0.5, ordered, 30)  # half of the users lose, whatever they had
    found = Shuffled(evaluation_of(ordered), [evaluation_of(shuffled)]).remains([10])["unmasked"]["NDCG@10"]
    gains = [discounted_gains(ranks, 10) for ranks in (ordered, shuffled)]
    expected = stats.bootstrap(
        tuple(gains), lambda one, two: two.mean() / one.mean(), paired=True, method="percentile", vectorized=False,
        n_resamples=2000, rng=np.random.default_rng(9),
    ).confidence_interval  # fmt: skip
    assert found.interval == pytest.approx((expected.low, expected.high), abs=0.01)
