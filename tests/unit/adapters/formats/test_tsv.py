"""Tab-separated tables."""

from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.formats.tsv import Tsv
from fearec_adapters.reading.columns import TableOptions
from fearec_cli.errors import DataError


def rows_of(tmp_path: Path, content: str, **options: Any) -> list[tuple[Any, ...]]:
    file = tmp_path / "a.tsv"
    file.write_text(content, encoding="utf-8", newline="")
    return Tsv(TableOptions(**options)).read(file).frame.collect().rows()


def test_quotation_marks_and_commas_are_characters_like_any_other(tmp_path: Path) -> None:
    content = 'item\tuser\ttimestamp\r\n"a, b\t007\t5\r\n"\U0001f600"\tNA\t6\r\n'
    assert rows_of(tmp_path, content) == [("007", '"a, b', 5_000_000), ("NA", '"\U0001f600"', 6_000_000)]


def test_without_header(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "u\ta\n", header=False, user=1, item=2, time="") == [("u", "a")]


def test_messages_name_the_options_of_tsv(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no column 'user' \(tsv\.user\); its columns are: a, b; choose by --set"):
        rows_of(tmp_path, "a\tb\n1\t2\n")
    with pytest.raises(DataError, match=r"line 2: has 3 fields, and the first line 2$"):
        rows_of(tmp_path, "user\titem\n1\t2\t3\n", time="")
