"""Both rules against plain loops over users."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.data import splits
from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
from fearec_cli.data.interactions import Interactions
from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut
from fearec_cli.data.splits import Split
from support import tiny

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
N_ITEMS = 6
# A user is a list of (time, item), in the order of time.
User = list[tuple[int, int]]
Users = st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, N_ITEMS)), min_size=1, max_size=9).map(sorted),
    min_size=1,
    max_size=7,
)
LongUsers = Users.map(lambda users: [user for user in users if len(user) >= 3]).filter(len)
Rules = st.builds(
    lambda start, length, target, cold, seed: GlobalTime(
        valid_from=EPOCH + timedelta(microseconds=start),
        test_from=EPOCH + timedelta(microseconds=start + length),
        target=target,
        cold=cold,
        seed=seed,
    ),
    st.integers(-1, 13),
    st.integers(1, 8),
    st.sampled_from(["last", "first", "all", "random"]),
    st.sampled_from(["drop", "drop-users", "drop-items", "count"]),
    st.integers(0, 2**64 - 1),
)


def interactions(users: list[User]) -> Interactions:
    rows = [row for user in users for row in user]
    return Interactions(
        items=np.array([item for _, item in rows], dtype=np.int32),
        offsets=np.cumsum([0, *map(len, users)], dtype=np.int64),
        timestamps=np.array([time for time, _ in rows], dtype=np.int64),
        raw_users=pl.Series([f"u{user}" for user in range(len(users))]),
        raw_items=pl.Series([f"i{item}" for item in range(1, N_ITEMS + 1)]),
    )


def parts(user: User, rule: GlobalTime | LeaveOneOut) -> dict[str, list[int]]:
    """Places of a user's interactions in each part, one by one."""
    found: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for place, (time, _) in enumerate(user):
        if isinstance(rule, LeaveOneOut):
            name = {len(user) - 2: "valid", len(user) - 1: "test"}.get(place, "train")
        else:
            start, end = rule.boundaries
            name = "train" if time < start else "valid" if time < end else "test"
        found[name].append(place)
    return found


def drawn(user: int, places: list[int], seed: int, part: str) -> list[int]:
    """A place of the period, by SplitMix64 in Python's own integers."""

    def mix(state: int, place: int) -> int:
        mixed = (state + (place + 1) * 0x9E3779B97F4A7C15) % 2**64
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        return mixed ^ (mixed >> 31)

    start = mix(seed, ["valid", "test"].index(part))
    return places and [places[(mix(start, user) >> 32) * len(places) >> 32]]


def expected(users: list[User], rule: GlobalTime, part: Literal["valid", "test"]) -> dict[str, Any]:
    """Targets as (user, place), and the counts."""
    learned = {user[place][1] for user in users for place in parts(user, rule)["train"]}
    targets, cold_users, cold_items, dropped = [], 0, 0, 0
    for index, user in enumerate(users):
        of = parts(user, rule)
        choices = {"all": of[part], "first": of[part][:1], "last": of[part][-1:]}
        choices["random"] = drawn(index, of[part], rule.seed, part)
        for place in choices[rule.target]:
            cold_user, cold_item = not of["train"], user[place][1] not in learned
            cold_users += cold_user
            cold_items += cold_item
            new_user, new_item = rule.cold in ("drop", "drop-users"), rule.cold in ("drop", "drop-items")
            if place == 0 or (new_user and cold_user) or (new_item and cold_item):
                dropped += 1
            else:
                targets.append((index, place))
    return {"targets": targets, "cold": (cold_users, cold_items, dropped)}


def check_bounds(users: list[User], split: Split) -> None:
    for part in ("train", "valid", "test"):
        starts, ends = split.bounds(part)
        for index, user in enumerate(users):
            first = split.offsets[index]
            assert list(range(starts[index] - first, ends[index] - first)) == parts(user, split.rule)[part]


def check_training(users: list[User], split: Split) -> None:
    wanted = [
        (split.offsets[index], split.offsets[index] + place)
        for index, user in enumerate(users)
        for place in parts(user, split.rule)["train"][1:]
    ]
    found = split.training_targets()
    assert list(zip(found.starts, found.targets, strict=True)) == wanted
    assert split.training_prefixes == len(found) == len(wanted)
    assert found.starts.dtype == found.targets.dtype == np.int64


@given(LongUsers)
def test_leave_one_out_is_what_a_loop_finds(users: list[User]) -> None:
    split = Split.of(interactions(users), LeaveOneOut())
    check_bounds(users, split)
    check_training(users, split)
    for held_out, place in ((split.valid, -2), (split.test, -1)):
        ends = split.offsets[1:]
        assert held_out.targets.tolist() == (ends + place).tolist()
        assert held_out.starts.tolist() == split.offsets[:-1].tolist()
        assert held_out.users.tolist() == list(range(len(users)))
        assert (held_out.cold.users, held_out.cold.dropped) == (0, 0)


@given(Users, Rules)
def test_global_time_is_what_a_loop_finds(users: list[User], rule: GlobalTime) -> None:
    split = Split.of(interactions(users), rule)
    check_bounds(users, split)
    check_training(users, split)
    for held_out in (split.valid, split.test):
        wanted = expected(users, rule, held_out.split)
        places = held_out.targets - held_out.starts
        assert list(zip(held_out.users, places, strict=True)) == wanted["targets"]
        assert held_out.starts.tolist() == split.offsets[held_out.users].tolist()
        assert (held_out.cold.users, held_out.cold.items, held_out.cold.dropped) == wanted["cold"]


@given(Users, Rules)
def test_nothing_that_happens_in_or_after_validation_is_learned_from(users: list[User], rule: GlobalTime) -> None:
    data = interactions(users)
    split = Split.of(data, rule)
    start, end = rule.boundaries
    learned = split.training_targets()
    assert data.timestamps is not None
    # A history ends before its target, and times do not fall: with the targets, all that is learned from is early.
    assert (data.timestamps[learned.targets] < start).all()
    assert rule.in_training(data.timestamps).sum() == sum(split.bounds("train")[1] - split.offsets[:-1])
    valid, test = data.timestamps[split.valid.targets], data.timestamps[split.test.targets]
    assert ((valid >= start) & (valid < end)).all()
    assert (test >= end).all()


def test_items_of_the_training_part_are_found_whatever_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    users: list[User] = [[(0, 1), (1, 2), (9, 3)], [(9, 4)], [(0, 5), (9, 1)], [(1, 6), (9, 6)]]
    rule = GlobalTime(
        valid_from=EPOCH + timedelta(microseconds=5),
        test_from=EPOCH + timedelta(microseconds=6),
        target="last",
        cold="count",
    )
    for block in (1, 2, 3, 100):
        monkeypatch.setattr(splits, "_BLOCK", block)
        assert Split.of(interactions(users), rule).test.cold.items == 2  # items 3 and 4


def test_batches_hold_no_interaction_from_validation_on() -> None:
    # Items count up with time; validation starts at time 4, which is item 5 of each user.
    users: list[User] = [[(time, time + 1) for time in range(6)] for _ in range(3)]
    rule = GlobalTime(
        valid_from=EPOCH + timedelta(microseconds=4),
        test_from=EPOCH + timedelta(microseconds=5),
        target="last",
        cold="drop",
    )
    times = [time for user in users for time, _ in user]
    data = tiny.prepared([[item for _, item in user] for user in users], rule=rule, times=times)
    prefixes = TrainingPrefixes(InteractionTable.load(data, torch.device("cpu")), data, 5, "right")
    batch = prefixes.batch(torch.arange(len(prefixes)))
    assert len(prefixes) == 9
    assert int(batch.ids.max()) == 3
    assert int(batch.targets.max()) == 3  # row of item 4


def test_a_split_by_time_needs_times() -> None:
    data = tiny.prepared([[1, 2, 3]]).interactions
    rule = GlobalTime(valid_from=EPOCH, test_from=EPOCH + timedelta(days=1), target="last", cold="drop")
    with pytest.raises(ValueError, match="without times"):
        Split.of(data, rule)
