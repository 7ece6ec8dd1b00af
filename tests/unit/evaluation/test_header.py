"""What a result is a result of."""

from datetime import UTC, datetime, timedelta

import numpy as np

from fearec_cli.data.split_rules import GlobalTime
from fearec_cli.data.splits import ColdTargets
from fearec_cli.evaluation.header import Header, sha256
from support import tiny

NONE = np.zeros(3, dtype=np.bool_)


def test_the_facts_of_leave_one_out():
    # Training ends at 2, 5 and 1; the targets lie at 4, 8 and 3. The first ties with the item before it.
    data = tiny.prepared([[1, 2, 3, 4], [1, 2, 3], [1, 2, 3]], 9, times=[1, 2, 4, 4, 5, 6, 8, 1, 2, 3])
    header = Header.of(data, data.split.test, np.array([True, False, False]), tiny.scored())
    assert (header.dataset, header.fingerprint, header.split, header.target) == ("tiny", "ab12", "test", "last")
    assert (header.items, header.targets, header.users, header.repeated) == (9, 3, 3, 1)
    assert header.leaked == 2
    assert header.tied == 1


def test_without_times_nothing_is_said_of_them():
    data = tiny.prepared([[1, 2, 3]] * 3)
    header = Header.of(data, data.split.test, NONE, tiny.scored())
    assert header.leaked is None
    assert header.tied is None
    text = " ".join(header.lines())
    assert "of the targets 0 (0.0%) are in their own history trained on prefixes" in text


def test_a_target_ties_with_the_one_that_follows_it_too_but_not_with_another_users():
    # Validation targets: the first user's ties with the test target; the last user's is alone.
    data = tiny.prepared([[1, 2, 3], [1, 2, 3]], times=[1, 5, 5, 7, 8, 9])
    assert Header.of(data, data.split.valid, NONE[:2], tiny.scored()).tied == 1
    data = tiny.prepared([[1, 2, 3], [1, 2, 3]], times=[1, 4, 5, 5, 8, 9])
    assert Header.of(data, data.split.test, NONE[:2], tiny.scored()).tied == 0


def test_a_split_by_time_leaks_nothing_and_is_named_with_its_boundaries():
    moment = datetime(1970, 1, 1, tzinfo=UTC)
    rule = GlobalTime(
        valid_from=moment + timedelta(microseconds=3),
        test_from=moment + timedelta(microseconds=5),
        target="all",
        cold="count",
    )
    data = tiny.prepared([[1, 2, 3, 4], [1, 2, 3]], rule=rule, times=[1, 2, 5, 6, 1, 4, 7])
    header = Header.of(data, data.split.test, NONE, tiny.scored())
    assert (header.leaked, header.target, header.targets, header.users) == (0, "all", 3, 2)
    lines = header.lines()
    assert lines[0] == "tiny, test, 3 targets of 2 users; fingerprint ab12"
    assert lines[1].startswith("global-time, valid from 1970-01-01T00:00:00.000003Z, test from ")
    assert "0 (0.0%) lie before the last training interaction" in lines[-3]


def test_what_is_cold_and_what_ranked_is_printed():
    lines = tiny.header(cold=ColdTargets(5, 6, 7), model=tiny.scored(checkpoint="0123456789abcdef")).lines()
    assert lines[2] == "5 targets of users and 6 with items that training never met, 7 dropped"
    assert lines[-2:] == [
        "trained on prefixes, loss ce, preset sasrec",
        "seed 7, checkpoint 0123456789ab, cpu, 0.5 s",
    ]


def test_json_gives_the_same_header_back():
    header = tiny.header(leaked=2, tied=0)
    assert Header.model_validate_json(header.model_dump_json()) == header


def test_a_files_digest(tmp_path):
    file = tmp_path / "empty"
    file.touch()
    assert sha256(file) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
