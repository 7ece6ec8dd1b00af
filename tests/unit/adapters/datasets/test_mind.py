"""Clicks among what was shown, and those before."""

from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.datasets.mind import Mind, MindOptions
from fearec_adapters.reading import blocks
from fearec_cli.errors import DataError

HOUR = 3_600_000_000
MOMENT = 1_573_463_158_000_000  # 2019-11-11T09:05:58Z
# U1's earliest impression is the second line; U2 had clicked nothing before and clicks nothing; N-2 has a dash in it.
TEXT = (
    "1\tU1\t11/11/2019 10:05:58 AM\tN1 N2\tN5-1 N6-0 N-2-1\n"
    "2\tU1\t11/11/2019 9:05:58 AM\tN1 N3\tN4-0 N7-1\n"
    "3\tU2\t11/11/2019 9:05:58 PM\t\tN4-0\n"
)


def log_of(tmp_path: Path, text: str, **options: Any) -> list[tuple[Any, ...]]:
    file = tmp_path / "behaviors.tsv"
    file.write_text(text)
    return Mind(MindOptions(**options)).read(tmp_path).frame.collect().rows()


@pytest.mark.parametrize("size", [1, 2**24])
def test_clicks_and_histories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(blocks, "_BLOCK", size)
    clicks = [("U1", "N5", MOMENT + HOUR), ("U1", "N-2", MOMENT + HOUR), ("U1", "N7", MOMENT)]
    assert log_of(tmp_path, TEXT) == clicks
    before = [("U1", "N1", MOMENT, -2), ("U1", "N3", MOMENT, -1)]
    assert log_of(tmp_path, TEXT, history=True) == [*before, *((*click, 0) for click in clicks)]


@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\tU1\t11/11/2019 9:05:58 AM\tN1\tN1-1\n2\tU1\t11/11/2019 9:05:58 AM\tN1 N2\n", r"line 2: has 4 fields"),
        ("1\tU1\t11/11/2019 9:05:58 AM\tN1\tN5 N6\n", r"line 1: 'N5' has neither -1 \(clicked\) nor -0 after it"),
        ("1\tU1\t13/11/2019 9:05:58 AM\tN1\tN5-1\n", r"line 1: the timestamp .* is not a time of the form %m/%d/%Y"),
        ("1\t\t11/11/2019 9:05:58 AM\tN1\tN5-1\n", r"line 1: the user \(column 'user'\) is missing"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, message: str, history: bool) -> None:
    with pytest.raises(DataError, match=rf"behaviors\.tsv, {message}"):
        log_of(tmp_path, text, history=history)
