"""What orders a log, counted on logs whose answer is plain."""

import itertools
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.api import Log, Source
from fearec_cli.data.ordering import Ordering
from fearec_cli.data.preparing import coded_log
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.data.preparing.steps import prepare
from fearec_cli.data.settings import Settings

Events = list[tuple[str, int]]


def ordering_of(events: Events, order: str = "oldest-first", column: str = "timestamp") -> Ordering:
    """Of users and times, each user with rows enough to be split."""
    schema: Any = {"user": pl.String, "item": pl.String, column: pl.Int64}
    rows = [(user, f"i{place}", time) for place, (user, time) in enumerate(events)]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    watcher = Watcher()
    source = Source(adapter="csv", location="a.csv")
    prepare(Log(frame=frame.lazy(), source=source), Settings(k_core=0, order=order), watcher)
    assert watcher.ordering is not None
    return watcher.ordering


@pytest.mark.parametrize("column", ["timestamp", "order"])
def test_ties_and_direction(column: str) -> None:
    events = [("u", 1), ("v", 9), ("u", 2), ("v", 8), ("u", 2), ("v", 7), ("u", 5), ("v", 7)]
    found = ordering_of(events, column=column)
    # u: 2 and 2, not the last. v: 7 and 7, but 9 is the last.
    by = ("time",) if column == "timestamp" else ("count",)
    assert found == Ordering(by=by, tied=4, tied_last=0, forward=2, backward=2)
    assert found.direction == "neither"


def test_a_file_that_is_newest_first() -> None:
    events = [("u", 9 - place // 2) for place in range(8)]
    found = ordering_of(events)
    assert (found.tied, found.tied_last, found.direction) == (8, 1, "newest first")
    assert ordering_of(events, order="newest-first").direction == "oldest first"


def test_equal_times_in_the_order_of_items_show_no_direction() -> None:
    """In a file that is grouped by item, the rows of a day go up, and the next day's begin above them."""
    items = [(item * 7 % 12, item // 3) for item in range(12)]
    assert ordering_of([("u", day) for _, day in sorted(items)]).direction == "neither"


def test_without_times_the_source_alone_decides() -> None:
    frame = pl.DataFrame({"user": ["u"] * 4, "item": list("abcd")})
    watcher = Watcher()
    prepare(Log(frame=frame.lazy(), source=Source(adapter="csv", location="a")), Settings(k_core=0), watcher)
    assert watcher.ordering == Ordering(by=(), tied=4, tied_last=1)


@given(st.lists(st.tuples(st.sampled_from("uvw"), st.integers(0, 3)), min_size=1, max_size=30), st.integers(1, 8))
def test_counts_are_those_of_a_plain_count(events: Events, block: int) -> None:
    events = [*events, *((user, 9 + place) for user in "uvw" for place in range(3))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coded_log, "_BLOCK", block)
        found = ordering_of(events)
    assert found.tied == sum(count for count in Counter(events).values() if count > 1)
    assert found.tied_last == 0
    steps = [
        later - earlier
        for user in "uvw"
        for own in [[time for name, time in events if name == user]]
        for earlier, later in itertools.pairwise(own)
    ]
    assert (found.forward, found.backward) == (sum(s > 0 for s in steps), sum(s < 0 for s in steps))
