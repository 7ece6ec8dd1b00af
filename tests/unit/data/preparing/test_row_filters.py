"""Each filter against plain loops, with blocks so small that every log has several."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.data.preparing import coded_log as rows_module
from fearec_cli.data.preparing.coded_log import Rows
from fearec_cli.data.preparing.row_filters import in_core, sampled_users, without_repeats

Row = tuple[int, int, int]
Logs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 3)), max_size=60)


@pytest.fixture(autouse=True, scope="module", params=[1, 7, 2**22])
def block(request: pytest.FixtureRequest) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows_module, "_BLOCK", request.param)
        yield request.param


def rows_of(log: list[Row]) -> Rows:
    users, items, times = (np.array([row[place] for row in log], dtype=np.int32) for place in range(3))
    names = pl.Series([str(code) for code in range(6)])
    return Rows(users, items, times.astype(np.int64), names, names.head(5))


@given(Logs)
def test_of_repeated_pairs_the_earliest_stays(log: list[Row]) -> None:
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for place, (user, item, time) in enumerate(log):
        first[user, item] = min(first.get((user, item), (time, place)), (time, place))
    kept = {place for _, place in first.values()}
    assert without_repeats(rows_of(log), "all").tolist() == [place in kept for place in range(len(log))]


@given(Logs)
def test_of_an_item_again_and_again_the_first_stays(log: list[Row]) -> None:
    kept = set()
    for user in range(6):
        previous = None
        for place in sorted((p for p, row in enumerate(log) if row[0] == user), key=lambda p: (log[p][2], p)):
            if log[place][1] != previous:
                kept.add(place)
            previous = log[place][1]
    assert without_repeats(rows_of(log), "consecutive").tolist() == [place in kept for place in range(len(log))]


@given(Logs, st.integers(0, 5), st.integers(0, 5))
def test_the_core_is_what_loops_find(log: list[Row], user_core: int, item_core: int) -> None:
    kept = set(range(len(log)))
    while True:
        users, items = Counter(log[p][0] for p in kept), Counter(log[p][1] for p in kept)
        gone = {p for p in kept if users[log[p][0]] < user_core or items[log[p][1]] < item_core}
        if not gone:
            break
        kept -= gone
    assert in_core(rows_of(log), user_core, item_core).tolist() == [place in kept for place in range(len(log))]


@given(st.sets(st.text(max_size=3), min_size=1), st.integers(1, 9), st.randoms())
def test_the_sample_hangs_on_ids_and_seed_alone(names: set[str], count: int, random: object) -> None:
    def sample(order: list[str]) -> set[str]:
        wanted = sampled_users(pl.Series(order), np.ones(len(order), dtype=np.bool_), count, seed=3)
        return {name for name, taken in zip(order, wanted, strict=True) if taken}

    order = sorted(names)
    drawn = sample(order)
    assert len(drawn) == min(count, len(names))
    random.shuffle(order)
    assert sample(order) == drawn


def test_the_sample_is_this_one_on_every_machine() -> None:
    names = pl.Series([f"user{number}" for number in range(10)])
    present = np.arange(10) != 4
    drawn = [np.flatnonzero(sampled_users(names, present, 3, seed)).tolist() for seed in (0, 1)]
    assert drawn == [[0, 2, 7], [1, 6, 7]]


@given(Logs)
def test_rows_are_sorted_by_user_time_and_place(log: list[Row]) -> None:
    found = [place for block in rows_of(log).sorted_blocks() for place in block]
    assert found == sorted(range(len(log)), key=lambda place: (log[place][0], log[place][2], place))


@given(Logs, st.data())
def test_rows_are_kept_in_their_order(log: list[Row], data: st.DataObject) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(log), max_size=len(log)))
    rows = rows_of(log)
    rows.keep(np.array(mask, dtype=np.bool_))
    assert rows.times is not None
    kept = list(zip(rows.users.tolist(), rows.items.tolist(), rows.times.tolist(), strict=True))
    assert kept == [row for row, stays in zip(log, mask, strict=True) if stays]


@given(st.lists(st.integers(0, 5)))
def test_numbers_follow_first_appearance(codes: list[int]) -> None:
    array = np.array(codes, dtype=np.int32)
    known = rows_module.renumber(array, 6)
    assert known.tolist() == list(dict.fromkeys(codes))
    assert known[array].tolist() == codes
