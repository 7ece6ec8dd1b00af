"""Names that reach into objects and lists."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_adapters.objects.nested import names, rows
from fearec_cli.errors import DataError


def rows_of(found: Any, *wanted: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows(found, {name: name for name in wanted}, "a.json, line 1")]


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ({"u": {"id": "1"}, "i": {"x": {"id": "a"}}}, ["u.id", "i.x.id"], [("1", "a")]),
        # A key with points in it comes first, at any depth.
        ({"u.id": "1", "u": {"id": "2"}, "i": {"a.b": "c", "a": {"b": "d"}}}, ["u.id", "i.a.b"], [("1", "c")]),
        # Times in the elements, in a list beside, or outside.
        ({"u": "1", "e": [{"i": "a", "t": "5"}, {"i": "b", "t": "6"}]}, ["u", "e.i", "e.t"], ["1a5", "1b6"]),
        ({"u": "1", "i": ["a", "b"], "t": ["5", "6"]}, ["u", "i", "t"], ["1a5", "1b6"]),
        ({"u": "1", "i": ["a", "b"], "t": "5"}, ["u", "i", "t"], ["1a5", "1b5"]),
        # Lists in lists: one time for each basket, and several things in it.
        (
            {"u": "1", "t": ["5", "6"], "o": [{"i": ["a", "b"]}, {"i": ["c"]}]},
            ["u", "o.i", "t"],
            ["1a5", "1b5", "1c6"],
        ),
        ({"u": "1", "i": []}, ["u", "i"], []),
        ({"u": "1"}, ["u", "i.x"], [("1", None)]),
        ({"u": "1", "i": "a"}, ["u", "i.x"], [("1", None)]),
        ({"u": "1", "i": ["a", {"x": "b"}, None]}, ["u", "i.x"], [("1", None), ("1", "b"), ("1", None)]),
    ],
)
def test_rows(found: Any, wanted: list[str], expected: list[Any]) -> None:
    assert rows_of(found, *wanted) == [tuple(row) for row in expected]


def test_lists_of_different_lengths_are_an_error_that_names_them() -> None:
    with pytest.raises(DataError, match=r"a\.json, line 1: lists of one object differ in length: 'i' has 2, 't' has 1"):
        rows_of({"i": ["a", "b"], "t": ["5"]}, "i", "t")


def test_lists_too_deep_are_an_error() -> None:
    found: Any = "a"
    for _ in range(17):
        found = [found]
    with pytest.raises(DataError, match=r"line 1: lists lie more than 16 deep"):
        rows_of({"i": found}, "i")


def test_names() -> None:
    found = {"u": {"id": "1"}, "e": [{"i": "a"}, {"t": "5"}], "l": ["x"]}
    assert list(names(found)) == ["u", "u.id", "e", "e.i", "e.t", "l"]


@given(st.lists(st.tuples(st.text("ab", min_size=1), st.lists(st.tuples(st.text(), st.text())))))
def test_a_list_of_users_gives_the_same_as_their_rows_one_by_one(users: list[Any]) -> None:
    flat = [(user, item, time) for user, events in users for item, time in events]
    nested = {"all": [{"user": u, "events": [{"item": i, "at": {"t": t}} for i, t in events]} for u, events in users]}
    beside = {
        "all": [{"user": u, "events": {"item": [i for i, _ in e], "at": [{"t": t} for _, t in e]}} for u, e in users]
    }
    for found in (nested, beside):
        assert rows_of(found, "all.user", "all.events.item", "all.events.at.t") == flat
