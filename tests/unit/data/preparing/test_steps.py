"""Filters, order and ids of `prepare`, by hand and against plain loops."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.api import Log, Source
from fearec_cli.data.interactions import Interactions
from fearec_cli.data.preparing import encoding
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.data.preparing.steps import prepare, prepare_split
from fearec_cli.data.settings import Settings
from fearec_cli.data.split_rules import GlobalTime
from fearec_cli.errors import DataError

Row = tuple[str, str, int, float]
OFF = Settings(k_core=0)


def log_of(rows: list[Row], *, drop: tuple[str, ...] = ()) -> Log:
    schema = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64, "rating": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row").drop(drop)
    return Log(frame=frame.lazy(), source=Source(adapter="test", location="test.csv"))


def sequences(result: Interactions) -> dict[str, list[str]]:
    """What was kept, in raw ids: user -> items, oldest first."""
    return {
        result.raw_users[user]: [result.raw_items[int(item) - 1] for item in result.items[start:end]]
        for user, (start, end) in enumerate(zip(result.offsets[:-1], result.offsets[1:], strict=True))
    }


def test_order_is_by_time_and_ties_keep_the_order_of_the_source() -> None:
    rows = [("u", "late", 9, 1.0), ("u", "b", 5, 1.0), ("u", "a", 5, 1.0), ("u", "first", 1, 1.0)]
    result = prepare(log_of(rows), OFF)
    assert sequences(result) == {"u": ["first", "b", "a", "late"]}
    assert result.timestamps is not None
    assert result.timestamps.tolist() == [1, 5, 5, 9]


def test_without_times_the_order_is_that_of_the_source() -> None:
    rows = [("u", item, 0, 1.0) for item in "cab"]
    result = prepare(log_of(rows, drop=("timestamp", "rating")), OFF)
    assert sequences(result) == {"u": ["c", "a", "b"]}
    assert result.timestamps is None


def test_ids_follow_first_appearance() -> None:
    rows = [("z", "q", 3, 1.0), ("a", "p", 1, 1.0)]
    rows += [(user, item, 4 + n, 1.0) for n, item in enumerate("pr") for user in "az"]
    result = prepare(log_of(rows), OFF)
    # z comes first in the source; its items oldest first are q, p, r, though "p" has the earliest time.
    assert result.raw_users.to_list() == ["z", "a"]
    assert result.raw_items.to_list() == ["q", "p", "r"]
    assert result.items.tolist() == [1, 2, 3, 2, 2, 3]
    assert result.items.dtype == np.int32
    assert result.offsets.tolist() == [0, 3, 6]
    assert result.offsets.dtype == np.int64


def test_users_are_numbered_by_their_first_remaining_row() -> None:
    rows = [("a", "x", 0, 1.0)] + [(user, item, 0, 5.0) for user in "ba" for item in "xyz"]
    result = prepare(log_of(rows), Settings(k_core=0, min_rating=2))
    assert result.raw_users.to_list() == ["b", "a"]


def test_the_rating_threshold_keeps_equal_ratings() -> None:
    rows = [("u", item, 0, rating) for item, rating in zip("abcd", (3.0, 4.0, 5.0, 4.5), strict=True)]
    assert sequences(prepare(log_of(rows), Settings(k_core=0, min_rating=4))) == {"u": ["b", "c", "d"]}


def test_repeated_pairs_stay_unless_asked() -> None:
    rows = [("u", item, time, 1.0) for item, time in [("a", 4), ("b", 2), ("a", 1), ("c", 3)]]
    assert sequences(prepare(log_of(rows), OFF)) == {"u": ["a", "b", "c", "a"]}
    kept = prepare(log_of(rows), Settings(k_core=0, deduplicate="all"))
    assert sequences(kept) == {"u": ["a", "b", "c"]}


def test_consecutive_repeats_are_dropped_in_the_order_of_time() -> None:
    rows = [("u", item, time, 1.0) for item, time in [("a", 4), ("b", 2), ("a", 3), ("a", 1), ("a", 5)]]
    kept = prepare(log_of(rows), Settings(k_core=0, deduplicate="consecutive"))
    assert sequences(kept) == {"u": ["a", "b", "a"]}


def test_the_window_holds_its_start_and_not_its_end() -> None:
    rows = [("u", item, second * 10**6, 1.0) for second, item in enumerate("abcdef")]
    settings = Settings(k_core=0, since="1970-01-01T00:00:01", until="1970-01-01T00:00:05Z")
    assert sequences(prepare(log_of(rows), settings)) == {"u": ["b", "c", "d", "e"]}


def test_users_are_sampled_last() -> None:
    rows = [(user, item, 0, 1.0) for user in "uvwxy" for item in "abc"] + [("short", "a", 0, 1.0)]
    result = prepare(log_of(rows), Settings(k_core=3, max_users=2))
    assert len(result.raw_users) == 2
    assert "short" not in result.raw_users
    other = prepare(log_of(rows[::-1]), Settings(k_core=3, max_users=2))
    assert set(other.raw_users) == set(result.raw_users)


def test_a_log_of_many_batches_is_one_log(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"u{n % 7}", f"i{n * 5 % 11}", n * 13 % 17, 1.0) for n in range(300)]
    whole = prepare(log_of(rows), OFF)
    monkeypatch.setattr(encoding, "_BATCH", 8)
    parts = prepare(log_of(rows), OFF)
    assert parts.fingerprint() == whole.fingerprint()


def test_progress_is_reported() -> None:
    rows = [("u", item, 0, 4.0) for item in "abca"] + [("v", "a", 0, 1.0)]
    watcher = Watcher()
    prepare(log_of(rows), Settings(k_core=0, min_rating=2, deduplicate="all", min_length=3, max_users=9), watcher)
    assert watcher.kept == {
        "in the source": 5,
        "after rating and dates": 4,
        "without repeats (all)": 3,
        "of users long enough": 3,
        "of the sampled users": 3,
    }


def test_min_length_drops_short_users_after_the_core() -> None:
    rows = [("short", item, 0, 1.0) for item in "abc"] + [("long", item, 0, 1.0) for item in "abcd"]
    assert list(sequences(prepare(log_of(rows), Settings(k_core=0, min_length=4)))) == ["long"]


Rows = st.lists(
    st.tuples(st.sampled_from("uvwxy"), st.sampled_from("abcdef"), st.integers(0, 4), st.just(1.0)),
    min_size=1,
    max_size=80,
)


def core_by_loops(rows: list[Row], k: int) -> list[Row]:
    while True:
        users, items = Counter(row[0] for row in rows), Counter(row[1] for row in rows)
        kept = [row for row in rows if users[row[0]] >= k and items[row[1]] >= k]
        if kept == rows:
            return rows
        rows = kept


@given(Rows, st.integers(3, 6))
def test_core_and_order_are_what_loops_find(rows: list[Row], k: int) -> None:
    kept = core_by_loops(rows, k)
    if not kept:
        with pytest.raises(DataError, match="core is empty"):
            prepare(log_of(rows), Settings(k_core=k))
        return
    expected: dict[str, list[str]] = {user: [] for user, *_ in kept}
    for user, item, _, _ in sorted(kept, key=lambda row: row[2]):
        expected[user].append(item)
    result = prepare(log_of(rows), Settings(k_core=k))
    assert sequences(result) == expected
    assert result.raw_users.to_list() == list(expected)
    assert result.raw_items.to_list() == list(dict.fromkeys(item for items in expected.values() for item in items))
    assert set(result.items) == set(range(1, len(result.raw_items) + 1))


@given(Rows, st.integers(2, 4))
def test_the_core_of_training_is_what_loops_find(rows: list[Row], k: int) -> None:
    settings = Settings(k_core=k, core_on="training", split="global-time", valid_from="0.5", test_from="0.9")
    times = sorted(row[2] for row in rows)
    boundary = times[len(times) // 2]
    core = core_by_loops([row for row in rows if row[2] < boundary], k)
    users, items = {row[0] for row in core}, {row[1] for row in core}
    expected = [row for row in rows if row[0] in users and row[1] in items]
    if not expected or boundary >= times[int(len(times) * 0.9)]:
        with pytest.raises(DataError, match=r"core is empty|before anything happens"):
            prepare_split(log_of(rows), settings)
        return
    result, rule = prepare_split(log_of(rows), settings)
    assert isinstance(rule, GlobalTime)
    # The boundary is that of what stood there before the core, whatever is left of it.
    assert rule.boundaries[0] == boundary
    kept = {(user, item) for user, sequence in sequences(result).items() for item in sequence}
    assert kept == {(row[0], row[1]) for row in expected}
    assert len(result.items) == len(expected)


def test_the_length_of_a_user_does_not_count_what_the_core_of_training_must_not_see() -> None:
    # Both have two interactions before the boundary; what v does after it is the future's.
    rows = [("u", "a", 0, 1.0), ("v", "a", 1, 1.0), ("u", "b", 2, 1.0), ("v", "b", 3, 1.0)]
    rows += [("w", "a", 4, 1.0), ("w", "b", 5, 1.0), ("w", "a", 6, 1.0)]
    rows += [(user, item, 10 + time, 1.0) for time, (user, item) in enumerate([("v", "a"), ("v", "b"), ("w", "a")])]
    at = {"valid_from": "1970-01-01T00:00:00.000009", "test_from": "1970-01-01T00:00:00.000011"}
    settings = Settings(k_core=2, min_length=3, core_on="training", split="global-time", **at)
    assert list(sequences(prepare_split(log_of(rows), settings)[0])) == ["w"]
    with pytest.raises(DataError, match="no user has 4 interactions in the training part"):
        prepare_split(log_of(rows), settings.model_copy(update={"min_length": 4}))


@given(Rows)
def test_what_is_prepared_prepares_to_itself(rows: list[Row]) -> None:
    settings = Settings(k_core=0, min_length=3)
    try:
        once = prepare(log_of(rows), settings)
    except DataError:
        return
    again = [
        (str(user + 1), str(item), int(time), 1.0)
        for user, (start, end) in enumerate(zip(once.offsets[:-1], once.offsets[1:], strict=True))
        for item, time in zip(once.items[start:end], once.timestamps[start:end], strict=True)
    ]
    twice = prepare(log_of(again), settings)
    np.testing.assert_array_equal(twice.items, once.items)
    np.testing.assert_array_equal(twice.offsets, once.offsets)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(k_core=9), r"the 9-core is empty.*lower --k-core"),
        (Settings(k_core=0, item_core=9), r"the core is empty: .* 0 interactions a user and 9 an item"),
        (Settings(k_core=0, until="1970-01-01"), r"no interaction passes --until 1970-01-01T00:00:00Z; ask for less"),
        (Settings(k_core=0, min_rating=9), r"no interaction passes --min-rating 9\.0; ask for less"),
        (Settings(k_core=0, min_length=9), r"no user has 9 interactions; lower --min-length"),
    ],
)
def test_the_filter_that_leaves_nothing_is_named(settings: Settings, message: str) -> None:
    rows = [("u", item, 0, 1.0) for item in "abc"]
    with pytest.raises(DataError, match=rf"^test\.csv: {message}"):
        prepare(log_of(rows), settings)


def test_users_too_short_for_leave_one_out_are_named_and_counted() -> None:
    rows = [("ok", item, 0, 1.0) for item in "abc"] + [
        ("s", "a", 0, 1.0),
        ("t", "b", 0, 1.0),
        ("s", "b", 0, 1.0),
    ]
    with pytest.raises(DataError, match=r"user 's' has 2 interactions left.*fewer: 2;.*--min-length 3.*--k-core"):
        prepare(log_of(rows), OFF)


def test_an_empty_log_is_refused() -> None:
    with pytest.raises(DataError, match="has no interactions"):
        prepare(log_of([]), OFF)


def test_dates_need_times() -> None:
    with pytest.raises(DataError, match="has no times that --since and --until"):
        prepare(log_of([("u", "a", 0, 1.0)], drop=("timestamp",)), Settings(since="2020-01-01"))


def test_a_threshold_needs_ratings() -> None:
    with pytest.raises(DataError, match="has no ratings"):
        prepare(log_of([("u", "a", 0, 1.0)], drop=("rating",)), Settings(min_rating=1))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({"user": ["u"]}), "no column 'item'"),
        (pl.DataFrame({"user": ["u"], "item": [1]}), "'item' is Int64, not String"),
        (
            pl.DataFrame({"user": ["u"], "item": ["a"], "timestamp": [1.5]}),
            "'timestamp' is Float64, not Int64",
        ),
        (pl.DataFrame({"user": ["u", None], "item": ["a", "b"]}), "missing values"),
    ],
)
def test_an_adapter_that_breaks_the_contract_is_named(frame: pl.DataFrame, message: str) -> None:
    log = Log(frame=frame.lazy(), source=Source(adapter="theirs", location="x"))
    with pytest.raises(DataError, match=rf"{message}.*adapter 'theirs'"):
        prepare(log, OFF)
