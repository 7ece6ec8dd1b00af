"""The objects of a file, from lines or from an array."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_adapters.files.file import File
from fearec_adapters.objects import parsing
from fearec_adapters.objects.parsing import objects
from fearec_cli.errors import DataError

OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), st.text() | st.lists(st.text(max_size=2)), max_size=3))


def read(file: Path, content: bytes) -> list[tuple[int, Any]]:
    file.write_bytes(content)
    return list(objects(File.of(file, "jsonl")))


@given(OBJECTS, st.sampled_from([None, 0, 1]), st.booleans(), st.integers(1, 9))
def test_an_array_is_read_as_its_lines_whatever_its_layout_and_wherever_it_is_cut(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any], indent: int | None, ascii_only: bool, size: int
) -> None:
    text = json.dumps(found, indent=indent, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "_READ", size)
        file = tmp_path_factory.mktemp("a") / "a.json"
        got = read(file, b"\xef\xbb\xbf \n" + text.encode() + b"\n")
    assert [each for _, each in got] == found
    if indent is not None:
        lines = [number for number, line in enumerate(text.split("\n"), 2) if line[:indent].isspace() or not indent]
        assert all(number in lines for number, _ in got)


def test_numbers_stay_what_they_are(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", b'[{"i": 007.50}]'.replace(b"00", b"")) == [(1, {"i": "7.50"})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[", r"line 1: '', not one JSON object"),
        (b'[\n{"a": 1},\n3]', r"line 3: '3\]', not one JSON object; each element must be one"),
        (b'[{"a": 1},\n{"a": ', r"line 2: '\{\"a\": ', not one"),
        (b'[{"a": 1}\n{"a": 1}]', r"line 2: the array goes on with '\{\"a\": 1\}\]', not , or \]"),
        (b'[{"a": 1}]\n[]', r"line 2: '\[\]' follows the array's end"),
        (b'[{"a": "\n\xe9"}]', r"line 2: is not UTF-8"),
        (b'[{"a": 1},\n{"a": "' + b"x" * 500 + b'"}]', r"line 2: '\{\"a\": \"xx+', not one"),
        (b"[" * 100_000, r"line 1: '\[+', not one JSON object"),
    ],
)
def test_a_bad_array_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str) -> None:
    monkeypatch.setattr(parsing, "LONGEST_LINE", 200)
    monkeypatch.setattr(parsing, "_READ", 50)
    with pytest.raises(DataError, match=rf"a\.json, {message}"):
        read(tmp_path / "a.json", content)
