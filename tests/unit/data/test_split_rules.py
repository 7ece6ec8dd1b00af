"""What a wish for a split becomes: defaults, boundaries, refusals."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.components.options import validate_options
from fearec_cli.data.settings import SplitSettings
from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut, resolve
from fearec_cli.errors import DataError

DAY = 86_400 * 10**6


def settings(**values: object) -> SplitSettings:
    return SplitSettings.model_validate({"split": "global-time", **values})


def refusal(**values: object) -> str:
    chosen, problems = validate_options("prepare", SplitSettings, values)
    assert chosen is None
    return "\n".join(problems)


def test_leave_one_out_unless_asked_otherwise() -> None:
    assert resolve(SplitSettings(), None, "log") == LeaveOneOut()
    assert SplitSettings().shortest == 3


def test_every_default_is_recorded() -> None:
    assert settings().model_dump(mode="json") == {
        "split": "global-time",
        "valid_from": 0.8,
        "test_from": 0.9,
        "target": "last",
        "cold": "drop",
        "seed": 0,
    }
    assert settings().shortest == 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-08-11", datetime(2021, 8, 11, tzinfo=UTC)),
        ("2021-08-11T00:56:54.042", datetime(2021, 8, 11, 0, 56, 54, 42_000, UTC)),
        ("2021-08-11T02:56:54+02:00", datetime(2021, 8, 11, 0, 56, 54, tzinfo=UTC)),
        ("2021-08-11 00:56Z", datetime(2021, 8, 11, 0, 56, tzinfo=UTC)),
    ],
)
def test_times_are_utc_unless_they_name_a_zone(text: str, moment: datetime) -> None:
    assert settings(valid_from=text, test_from="2022-01-01").valid_from == moment


@pytest.mark.parametrize("text", ["1628643414", "0", "1.5", "-0.1", "nan", "yesterday", "", "2021-13-01"])
def test_neither_a_share_nor_a_time(text: str) -> None:
    assert "prepare.valid_from: " in (problem := refusal(split="global-time", valid_from=text))
    assert "must be a share of the interactions such as 0.8, or a UTC time such as 2021-08-11T00:57:00" in problem


def test_boundaries_stand_in_order() -> None:
    assert "--valid-from must come before --test-from" in refusal(
        split="global-time", valid_from="0.9", test_from="0.8"
    )
    moments = {"valid_from": "2022-01-01", "test_from": "2022-01-01"}
    assert "--valid-from must come before --test-from" in refusal(split="global-time", **moments)


def test_what_leave_one_out_would_not_read_is_refused() -> None:
    assert "--valid-from, --cold needs --split global-time" in refusal(valid_from="0.8", cold="count")


def test_settings_come_back_as_they_were_written() -> None:
    for chosen in (settings(), settings(valid_from="2021-08-11T00:56:54.042", test_from="0.9"), SplitSettings()):
        assert SplitSettings.model_validate_json(chosen.model_dump_json()) == chosen


@given(st.lists(st.integers(0, 50), min_size=2), st.floats(0.01, 0.5), st.floats(0.51, 0.99))
def test_a_share_is_a_place_in_the_order_of_time(times: list[int], first: float, second: float) -> None:
    ordered = sorted(times)
    wanted = [ordered[int(share * len(times))] for share in (first, second)]
    try:
        rule = resolve(settings(valid_from=first, test_from=second), np.array(times), "log")
    except DataError:
        assert wanted[0] == wanted[1]
    else:
        assert isinstance(rule, GlobalTime)
        assert list(rule.boundaries) == wanted
        assert rule.in_training(np.array(times)).sum() <= first * len(times)


def test_rows_of_the_training_part_in_a_table() -> None:
    rule = resolve(settings(valid_from="1970-01-03", test_from="1970-01-04"), np.arange(5) * DAY, "log")
    assert isinstance(rule, GlobalTime)
    table = pl.DataFrame({"timestamp": np.arange(5) * DAY})
    assert table.filter(rule.in_training(pl.col("timestamp")))["timestamp"].to_list() == [0, DAY]


def test_a_share_and_a_time_go_together() -> None:
    rule = resolve(settings(valid_from="0.5", test_from="1970-01-04"), np.arange(4) * DAY, "log")
    assert isinstance(rule, GlobalTime)
    assert rule.boundaries == (2 * DAY, 3 * DAY)


def test_equal_boundaries_are_refused() -> None:
    with pytest.raises(DataError, match=r"log: validation would begin at 1970-01-02.* move --valid-from and"):
        resolve(settings(), np.full(10, DAY), "log")


def test_times_are_needed() -> None:
    with pytest.raises(DataError, match=r"log: has no times.*--split leave-one-out"):
        resolve(settings(), None, "log")


def test_a_year_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(DataError, match="beyond the year 9999"):
        resolve(settings(), np.arange(10) * 10**18 + 1, "log")


def test_another_split_is_another_data_set() -> None:
    moments = [("1970-01-03", "1970-01-05"), ("1970-01-03", "1970-01-06"), ("1970-01-02", "1970-01-05")]
    rules = [resolve(settings(valid_from=a, test_from=b), np.arange(9), "log") for a, b in moments]
    rules += [
        resolve(settings(target="all"), np.arange(10), "log"),
        resolve(settings(cold="count"), np.arange(10), "log"),
        resolve(settings(cold="drop-items"), np.arange(10), "log"),
        resolve(settings(target="random"), np.arange(10), "log"),
        resolve(settings(target="random", seed=1), np.arange(10), "log"),
    ]
    digests = {rule.fingerprint("ab12") for rule in rules}
    assert len(digests) == len(rules)
    assert LeaveOneOut().fingerprint("ab12") == "ab12"
    # A seed that draws nothing is no part of a rule.
    assert resolve(settings(seed=1), np.arange(10), "log") == resolve(settings(), np.arange(10), "log")
    assert rules[0].fingerprint("ab12").startswith("d634adb19a189114")
