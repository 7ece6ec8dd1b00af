"""Units of time: recognised, given, mixed."""

from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.formats.csv import Csv, CsvOptions
from fearec_cli.api import Log
from fearec_cli.errors import DataError


def log_of(tmp_path: Path, *times: str, **options: Any) -> Log:
    file = tmp_path / "a.csv"
    file.write_text("user,item,timestamp\n" + "".join(f"u,a,{time}\n" for time in times))
    return Csv(CsvOptions(**options)).read(file)


@pytest.mark.parametrize(
    ("text", "microseconds", "note"),
    [
        ("1628643414", 1628643414_000_000, "s (recognised by magnitude)"),
        ("1628643414.0", 1628643414_000_000, "s (recognised by magnitude)"),
        ("1628643414042", 1628643414_042_000, "ms (recognised by magnitude)"),
        ("1.628643414042e12", 1628643414_042_000, "ms (recognised by magnitude)"),
        ("1628643414042123", 1628643414_042_123, "us (recognised by magnitude)"),
        ("1628643414042123999", 1628643414_042_123, "ns (recognised by magnitude)"),
        ("2021-08-11 00:56:54", 1628643414_000_000, "iso (recognised by its form)"),
        ("2021-08-11T02:56:54+02:00", 1628643414_000_000, "iso (recognised by its form)"),
        ("2021-08-11", 1628640000_000_000, "iso (recognised by its form)"),
    ],
)
def test_a_unit_is_recognised_and_said(tmp_path: Path, text: str, microseconds: int, note: str) -> None:
    log = log_of(tmp_path, text)
    assert log.frame.collect()["timestamp"].to_list() == [microseconds]
    assert log.notes["times"] == f"read as {note}, UTC"


def test_a_unit_that_is_given_is_taken(tmp_path: Path) -> None:
    log = log_of(tmp_path, "99999999999", "5", unit="ms")
    assert log.frame.collect()["timestamp"].to_list() == [99999999999_000, 5_000]
    assert log.notes["times"] == "read as ms, UTC"


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["1628643414", "1628643414042"], "'1628643414042' is in ms by its magnitude, and the first .* in s; bring"),
        (["1628643414042", "1628643414"], "'1628643414' is in s by its magnitude, and the first .* in ms; bring"),
        (["1628643414042", "0"], "'0' is in s by its magnitude"),
        (["1628643414", "2021-08-11"], "'2021-08-11' is not a number"),
        (["2021-08-11", "1628643414"], "'1628643414' is not an ISO 8601 time, as the first times of the file are"),
        (["1628643414", "4102444800"], r"'4102444800' is in the future \(year 2100 if the unit is 's'\)"),
        (["1628643414", "-5"], "'-5' is negative"),
        (["2021-08-11", "2999-01-01"], "'2999-01-01' is later than today"),
        (["1628643414", ""], "is missing"),
        (["1628643414", "9" * 400], "is not a number|is in ns by its magnitude"),
    ],
)
def test_mixed_future_negative_and_missing_times_are_named(tmp_path: Path, times: list[str], message: str) -> None:
    with pytest.raises(DataError, match=rf"a\.csv, line 3: the timestamp \(column 'timestamp'\) .*{message}"):
        log_of(tmp_path, *times).frame.collect()
