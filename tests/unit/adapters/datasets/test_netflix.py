"""Films on lines of their own."""

from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.datasets.netflix import Netflix
from fearec_adapters.reading import blocks
from fearec_cli.api import Options
from fearec_cli.errors import DataError

DAY = 86_400_000_000
TEXT = "1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n2:\r\n\n1488844,4,2005-09-07\n3:\n10:\n1488844,4,2005-09-06\n"
MOMENT = 1_125_964_800_000_000  # 2005-09-06


@pytest.mark.parametrize("size", [1, 7, 50, 2**24])
def test_a_film_holds_for_the_lines_after_it_also_over_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(blocks, "_BLOCK", size)
    (tmp_path / "combined_data_1.txt").write_text(TEXT)
    (tmp_path / "combined_data_2.txt").write_text("11:\n7,1,2005-09-06\n")
    # Files of the same folder that are no ratings.
    (tmp_path / "probe.txt").write_text("1:\n30878\n")
    (tmp_path / "movie_titles.csv").write_text("1,2003,Dinosaur Planet\n")
    log = Netflix(Options()).read(tmp_path)
    assert log.frame.select("user", "item", "rating", "timestamp").collect().rows() == [
        ("1488844", "1", 3.0, MOMENT),
        ("822109", "1", 5.0, MOMENT - 116 * DAY),
        ("1488844", "2", 4.0, MOMENT + DAY),
        ("1488844", "10", 4.0, MOMENT),
        ("7", "11", 1.0, MOMENT),
    ]
    assert log.notes == {"files": "2: combined_data_1.txt, combined_data_2.txt", "times": "read as iso, UTC"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("1488844,3,2005-09-06\n1:\n", r"line 1: no line with a film"),
        ("1:\n1488844,3\n", r"line 2: has 2 fields, and a line is: user,rating,timestamp"),
        ("1:\n1488844,3,2005-13-06\n", r"line 2: the timestamp \(column 'date'\) '2005-13-06' is not an ISO 8601 time"),
        ("1:\n,3,2005-09-06\n", r"line 2: the user \(column 'customer'\) is missing"),
        (":\n1,3,2005-09-06\n", r"line 2: the item \(column 'film'\) is missing"),
        ("1:\n1,x,2005-09-06\n", r"line 2: the rating \(column 'rating'\) 'x' is not a number"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    file: Any = tmp_path / "combined_data_1.txt"
    file.write_text(content)
    with pytest.raises(DataError, match=rf"combined_data_1\.txt[,:] {message}"):
        Netflix(Options()).read(file).frame.collect()
