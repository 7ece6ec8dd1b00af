"""Ranks: ties, masks and blocks."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fearec_cli.errors import EvaluationError
from fearec_cli.evaluation.ranks import MISS, TargetRanks, rank_targets
from fearec_cli.nn.repeats import AddedScores


def ranks_of_scores(scores, targets, seen=(), **options) -> TargetRanks:
    """Ranks of a score matrix: users are the rows of an identity, so that every score is exact."""
    scores = torch.as_tensor(np.asarray(scores, dtype=np.float32))
    pairs = torch.tensor(list(seen), dtype=torch.int64).reshape(-1, 2)
    return rank_targets(
        torch.eye(len(scores)),
        scores.T.contiguous(),
        torch.tensor(targets, dtype=torch.int64),
        pairs[:, 0],
        pairs[:, 1],
        **options,
    )


def test_counts_the_items_that_are_better():
    ranks = ranks_of_scores([[0.1, 0.9, 0.5], [3.0, 2.0, 1.0]], [2, 0])
    assert ranks.unmasked.tolist() == [2, 1]
    assert ranks.unmasked.dtype == ranks.seen_masked.dtype == torch.int64


def test_equal_scores_count_against_the_target():
    ranks = ranks_of_scores([[5.0, 3.0, 3.0, 3.0, 1.0]], [2])
    assert ranks.unmasked.tolist() == [4]


def test_a_constant_scorer_ranks_every_target_last():
    ranks = ranks_of_scores(np.zeros((3, 7)), [0, 3, 6])
    assert ranks.unmasked.tolist() == [7, 7, 7]


def test_seen_items_leave_the_masked_ranking_only():
    # Items 0 and 1 are better than the target, item 3 equals it, item 4 is worse.
    ranks = ranks_of_scores([[9, 8, 5, 5, 1]], [2], seen=[(0, 0), (0, 3), (0, 4)])
    assert ranks.unmasked.tolist() == [4]
    assert ranks.seen_masked.tolist() == [2]


def test_an_item_seen_twice_is_taken_out_once():
    ranks = ranks_of_scores([[9, 8, 5]], [2], seen=[(0, 0), (0, 0), (0, 0)])
    assert ranks.seen_masked.tolist() == [2]


def test_a_target_that_was_seen_before_cannot_be_recommended():
    ranks = ranks_of_scores([[9, 8, 5], [9, 8, 5]], [0, 0], seen=[(0, 0), (0, 1), (0, 0), (1, 1)])
    assert ranks.unmasked.tolist() == [1, 1]
    assert ranks.seen_masked.tolist() == [MISS, 1]
    assert ranks.repeated.tolist() == [True, False]


def test_a_miss_is_worse_than_a_place_in_any_catalogue():
    assert MISS > 2**53  # and one more is still an int64
    assert (torch.tensor([MISS]) + 1).item() == MISS + 1


def test_what_one_user_saw_is_not_masked_for_another():
    ranks = ranks_of_scores([[9, 5], [9, 5]], [1, 1], seen=[(1, 0)])
    assert ranks.seen_masked.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("users", "items"),
    [
        ([torch.nan, *[1] * 199], [1, 1]),  # a user of the first block
        ([*[1] * 199, torch.nan], [1, 1]),  # of the last
        ([1] * 200, [torch.nan, 1]),  # the target of everybody
        ([1] * 200, [1, torch.nan]),  # another item
    ],
)
def test_refuses_a_score_that_is_not_a_number(users, items):
    none = torch.empty(0, dtype=torch.int64)
    with pytest.raises(EvaluationError, match="NaN"):
        rank_targets(
            torch.tensor(users, dtype=torch.float32)[:, None],
            torch.tensor(items, dtype=torch.float32)[:, None],
            torch.zeros(200, dtype=torch.int64),
            none,
            none,
            block_bytes=1,
        )


def test_refuses_a_product_that_overflows_both_ways():
    none = torch.empty(0, dtype=torch.int64)
    with pytest.raises(EvaluationError, match="NaN"):
        rank_targets(
            torch.tensor([[3e30, 3e30]]), torch.tensor([[3e30, -3e30], [1.0, 1.0]]), torch.tensor([1]), none, none
        )


def test_refuses_a_product_that_is_not_a_number():
    none = torch.empty(0, dtype=torch.int64)
    with pytest.raises(EvaluationError, match="NaN"):
        rank_targets(
            torch.tensor([[1.0, 1.0]]),
            torch.tensor([[torch.inf, -torch.inf], [1.0, 1.0]]),
            torch.tensor([1]),
            none,
            none,
        )


def test_infinite_scores_have_a_rank():
    scores = torch.tensor([[torch.inf], [0.0], [-torch.inf], [torch.inf]])
    none = torch.empty(0, dtype=torch.int64)
    ranks = rank_targets(torch.ones(3, 1), scores, torch.tensor([0, 1, 2]), none, none)
    assert ranks.unmasked.tolist() == [2, 3, 4]


def test_nobody_has_no_ranks():
    ranks = ranks_of_scores(np.empty((0, 4)), [])
    assert ranks.unmasked.tolist() == ranks.seen_masked.tolist() == []


def test_half_precision_is_ranked_in_single():
    # 256 + 1 is no bfloat16: multiplied in half precision, both items would score 256.
    representation = torch.tensor([[16.0, 1.0]], dtype=torch.bfloat16)
    table = torch.tensor([[16.0, 0.0], [16.0, 1.0]], dtype=torch.bfloat16)
    none = torch.empty(0, dtype=torch.int64)
    assert rank_targets(representation, table, torch.tensor([1]), none, none).unmasked.tolist() == [1]


def test_ids_may_be_stored_in_32_bits():
    target, user, item = (torch.tensor([value], dtype=torch.int32) for value in (1, 0, 2))
    ranks = rank_targets(torch.ones(1, 1), torch.tensor([[1.0], [2.0], [3.0]]), target, user, item)
    assert (ranks.unmasked.item(), ranks.seen_masked.item()) == (2, 1)


@st.composite
def rankings(draw):
    """Small integer-valued scores, which are exact and full of ties; what was seen, in any order."""
    users, items, dim = draw(st.integers(1, 9)), draw(st.integers(1, 12)), draw(st.integers(1, 3))
    values = st.integers(-2, 2).map(float)
    representations = draw(hnp.arrays(np.float32, (users, dim), elements=values))
    table = draw(hnp.arrays(np.float32, (items, dim), elements=values))
    targets = draw(hnp.arrays(np.int64, users, elements=st.integers(0, items - 1)))
    seen = draw(st.lists(st.tuples(st.integers(0, users - 1), st.integers(0, items - 1)), max_size=30))
    return representations, table, targets, seen


def reference(representations, table, targets, seen):
    """The definition, user by user and item by item."""
    scores = representations @ table.T
    unmasked, masked = [], []
    for user, target in enumerate(targets):
        others = set(range(len(table))) - {target}
        history = {item for owner, item in seen if owner == user}
        for ranks, rivals, barred in ((unmasked, others, set()), (masked, others - history, history)):
            better = sum(scores[user, item] > scores[user, target] for item in rivals)
            equal = sum(scores[user, item] == scores[user, target] for item in rivals)
            ranks.append(MISS if target in barred else 1 + better + equal)
    return unmasked, masked


@given(rankings(), st.sampled_from([1, 40, 200, 2**20]))
@settings(max_examples=200, deadline=None)
def test_equals_the_definition_whatever_the_block(ranking, block_bytes):
    representations, table, targets, seen = ranking
    pairs = torch.tensor(seen, dtype=torch.int64).reshape(-1, 2)
    ranks = rank_targets(
        torch.as_tensor(representations),
        torch.as_tensor(table),
        torch.as_tensor(targets),
        pairs[:, 0],
        pairs[:, 1],
        block_bytes=block_bytes,
    )
    unmasked, masked = reference(*ranking)
    assert ranks.unmasked.tolist() == unmasked
    assert ranks.seen_masked.tolist() == masked


@pytest.mark.parametrize("block_bytes", [1, 128 * 4 * 7, 128 * 4 * 100, None])
def test_seen_and_target_scores_are_those_of_the_block(block_bytes):
    """With inexact scores too: an only rival that was seen leaves rank 1, and nobody falls below it.

    150 users are two blocks; the items are 311, 45, 4 and 1.
    """
    generator = torch.Generator().manual_seed(0)
    representations = torch.randn(150, 64, generator=generator)
    table = torch.randn(311, 64, generator=generator)
    targets = torch.randint(0, 311, (150,), generator=generator)
    users, items = torch.cartesian_prod(torch.arange(150), torch.arange(311)).T
    others = items != targets[users]
    ranks = rank_targets(representations, table, targets, users[others], items[others], block_bytes=block_bytes)
    assert ranks.seen_masked.tolist() == [1] * 150
    scores = representations.double() @ table.double().T  # no two of them are nearly equal
    assert ranks.unmasked.tolist() == (scores >= scores.gather(1, targets[:, None])).sum(1).tolist()


@pytest.mark.parametrize("block_bytes", [None, 64])
def test_added_scores_count_as_if_they_were_in_the_products(block_bytes: int | None) -> None:
    generator = torch.Generator().manual_seed(0)
    representations, items = torch.randn(7, 4, generator=generator), torch.randn(9, 4, generator=generator)
    targets, none = torch.arange(7), torch.tensor([], dtype=torch.int64)
    pairs = torch.randperm(63, generator=generator)[:20]
    added = AddedScores(pairs // 9, pairs % 9, torch.randn(20, generator=generator))
    scores = (representations @ items.T).index_put((added.rows, added.items), added.values, accumulate=True)
    expected = (scores >= scores.gather(1, targets[:, None])).sum(1)
    found = rank_targets(representations, items, targets, none, none, added=added, block_bytes=block_bytes)
    assert found.unmasked.tolist() == expected.tolist()
