"""Recommendations beside the scores of the model, item by item."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from fearec_cli.errors import DataError, EvaluationError
from fearec_cli.serving.recommender import Query, Recommender
from support.serving import IDS, N_ITEMS, recommender


def scores(made: Recommender, history: list[str]) -> np.ndarray:
    """Of one history alone, padded by hand."""
    encoder = made.checkpoint.encoder
    rows = [IDS.index(item) + 1 for item in history if item in IDS][-10:]
    ids = torch.zeros(1, 10, dtype=torch.int64)
    start = 0 if encoder.padding == "right" else 10 - len(rows)
    ids[0, start : start + len(rows)] = torch.tensor(rows)
    with torch.no_grad():
        found = encoder.represent(ids, torch.tensor([len(rows)])) @ encoder.item_table().T
        if encoder.repeats is not None:
            for back, row in enumerate(dict.fromkeys(reversed(rows))):
                distance = len(rows) - 1 - max(at for at, other in enumerate(rows) if other == row)
                assert back <= distance
                found[0, row - 1] += encoder.repeats.bias[distance]
    return found[0].numpy()


HISTORIES = [["i1", "i2", "i3"], ["i5"], ["i0", "x", "i4", "i4"], [f"i{row % N_ITEMS}" for row in range(25)]]


@pytest.mark.parametrize(
    ("preset", "assignments"),
    [("fearec", ()), ("bsarec", ()), ("sasrec-causal", ()), ("fearec-causal", ()), ("sasrec", ("model.pooling=mean",))],
)
def test_the_best_unseen_items(preset: str, assignments: tuple[str, ...]) -> None:
    made = recommender(*assignments, preset=preset)
    if made.checkpoint.encoder.repeats is not None:
        torch.nn.init.normal_(made.checkpoint.encoder.repeats.bias)
    found = made.recommend(HISTORIES[:3], k=4)
    for history, items, values in zip(HISTORIES[:3], found.items, found.scores, strict=True):
        expected = scores(made, history)
        order = [row for row in np.argsort(-expected, kind="stable") if IDS[row] not in history][:4]
        assert items == [IDS[row] for row in order]
        np.testing.assert_allclose(values, expected[order], rtol=1e-4, atol=1e-4)
    assert found.unknown.tolist() == [0, 0, 1]


def test_candidates_forbidden_items_and_seen_ones() -> None:
    made = recommender()
    (all_,) = made.recommend([["i1", "i2"]], k=N_ITEMS, seen="include").items
    assert sorted(all_) == sorted(IDS)
    (some,) = made.recommend([["i1", "i2"]], k=5, only=["i2", "i3", "i4", "nobody"], without=["i4"]).items
    assert some == ["i3"]
    (whole,) = made.recommend([["i1", "i2"]], k=N_ITEMS).items
    assert len(whole) == N_ITEMS - 2


def test_a_history_without_a_known_item_has_no_answer_and_disturbs_nobody() -> None:
    made = recommender()
    found = made.recommend([["x", "y"], ["i1"], []], k=2)
    assert [len(items) for items in found.items] == [0, 2, 0]
    assert found.unknown.tolist() == [2, 0, 0]
    assert made.recommend([["i1"]], k=2).items[0] == found.items[1]


def test_a_long_history_is_read_from_its_end_and_its_whole_is_seen() -> None:
    made = recommender()
    long = [*IDS[:4], *(["i5"] * 12)]
    (items,) = made.recommend([long], k=N_ITEMS).items
    assert set(items) == set(IDS) - set(long)


def test_queries_that_ask_for_different_things_are_answered_as_each_alone() -> None:
    made = recommender()
    queries = [
        Query(HISTORIES[0], k=3),
        Query(HISTORIES[1], k=5, seen="include"),
        Query(["x"], k=2),
        Query(HISTORIES[2], k=N_ITEMS, only=["i4", "i5", "i6"]),
        Query(HISTORIES[0], k=4, without=["i7", "nobody"]),
    ]
    found = made.answer(queries)
    for query, items, values, unknown in zip(queries, found.items, found.scores, found.unknown, strict=True):
        alone = made.recommend([query.history], query.k, seen=query.seen, only=query.only, without=query.without)
        assert (items, unknown) == (alone.items[0], alone.unknown[0])
        np.testing.assert_allclose(values, alone.scores[0], rtol=1e-4, atol=1e-5)
    assert made.answer([]).items == []
    with pytest.raises(DataError, match="none of the candidate items"):
        made.answer([*queries, Query(["i1"], only=["nobody"])])


@pytest.mark.parametrize(
    "blocks", [{"_FEW": 2 * N_ITEMS}, {"_FEW": 1, "_ROWS": 3}, {"_FEW": 1, "_MANY": 1}, {"_POSITIONS": 1}], ids=str
)
def test_blocks_of_histories_are_one_answer(monkeypatch: pytest.MonkeyPatch, blocks: dict[str, int]) -> None:
    made = recommender()
    whole = made.recommend([*HISTORIES, [], *HISTORIES], k=3)
    for name, size in blocks.items():
        monkeypatch.setattr("fearec_cli.serving.recommender." + name, size)
    parts = made.recommend([*HISTORIES, [], *HISTORIES], k=3)
    assert parts.items == whole.items
    assert parts.unknown.tolist() == whole.unknown.tolist()


def test_similar_items_by_cosine() -> None:
    made = recommender()
    table = made.checkpoint.encoder.item_table().detach().double()
    cosines = torch.nn.functional.cosine_similarity(table, table[3:4]).numpy()
    expected = [row for row in np.argsort(-cosines, kind="stable") if row != 3]
    found = made.similar("i3", k=N_ITEMS)
    assert [item for item, _ in found] == [IDS[row] for row in expected]
    assert found[0][1] == pytest.approx(cosines[expected[0]], abs=1e-5)


@pytest.mark.parametrize("k", [0, -1, N_ITEMS + 1])
def test_k_beyond_the_catalogue(k: int) -> None:
    with pytest.raises(DataError, match=f"k is {k}: the catalogue has 12 items"):
        recommender().recommend([["i1"]], k=k)


def test_what_is_unknown_is_named() -> None:
    with pytest.raises(DataError, match="'nobody' is not an item"):
        recommender().similar("nobody")
    with pytest.raises(DataError, match="none of the candidate items"):
        recommender().recommend([["i1"]], only=["nobody"])


def test_scores_that_are_not_numbers() -> None:
    made = recommender()
    with torch.no_grad():
        made.checkpoint.encoder.layers[0].feed_forward.output.norm.weight.fill_(torch.nan)
    with pytest.raises(EvaluationError, match="not finite"):
        made.recommend([["i1"]])
    with torch.no_grad():
        made.checkpoint.encoder.embedding.items.weight[1, 0] = torch.inf
    with pytest.raises(EvaluationError, match="item table"):
        Recommender(made.checkpoint)


def test_threads_share_it() -> None:
    made = recommender()
    expected = [made.recommend([history], k=3).items for history in HISTORIES]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda history: made.recommend([history], k=3).items, HISTORIES * 20))
    assert found == expected * 20
