"""One object a line."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from fearec_adapters.files.file import File
from fearec_adapters.formats.jsonl import JsonLines
from fearec_adapters.objects import table
from fearec_adapters.reading.columns import TextColumnOptions
from fearec_adapters.reading.rows import Rows
from fearec_cli.api import Log
from fearec_cli.errors import DataError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.jsonl"


def log_of(file: Path, content: bytes, **options: Any) -> Log:
    file.write_bytes(content)
    return JsonLines(TextColumnOptions(**options)).read(file)


def rows_of(file: Path, content: bytes, **options: Any) -> list[tuple[Any, ...]]:
    return log_of(file, content, **options).frame.collect().rows()


def test_ids_are_what_stands_in_the_file(file: Path) -> None:
    ids = ["007", "NA", "null", "", "a,b", 'q"', "n\nl", "\U0001f600"]
    lines = [json.dumps({"user": "u", "item": item, "timestamp": 1}) for item in ids if item]
    lines.append('{"item": 12345678901234567890123, "user": 1.50, "timestamp": 1.5, "more": [{}]}')
    rows = rows_of(file, "\n".join(lines).encode())
    assert [item for _, item, _ in rows[:-1]] == [item for item in ids if item]
    assert rows[-1] == ("1.50", "12345678901234567890123", 1_500_000)


def test_byte_order_mark_crlf_blank_lines_and_gzip(tmp_path: Path) -> None:
    line = b'{"user": "u", "item": "a", "timestamp": 1}\r\n'
    content = b"\xef\xbb\xbf" + line + b"\r\n" + line
    assert rows_of(tmp_path / "a.jsonl", content) == [("u", "a", 1_000_000)] * 2
    assert rows_of(tmp_path / "a.jsonl.gz", gzip.compress(content)) == [("u", "a", 1_000_000)] * 2


def test_literals_as_steam_has_them(file: Path) -> None:
    content = b"{u'username': u'Chaos \\u00e9', u'product_id': u'725280', u'date': u'2017-12-17', u'text': u'\\d'}\n"
    log = log_of(file, content, user="username", item="product_id", time="date")
    assert log.frame.collect().rows() == [("Chaos \u00e9", "725280", 1513468800_000_000)]
    assert log.notes == {
        "columns": "user = username, item = product_id, timestamp = date",
        "times": "read as iso (recognised by its form), UTC",
    }


def test_a_long_file_is_read_in_parts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_CHUNK", 3)
    line = '{"user": "u", "item": "%d", "timestamp": %d}\n'
    content = "".join(line % (n, 1_500_000_000 + n) for n in range(7))
    assert [item for _, item, _ in rows_of(file, content.encode())] == list("0123456")
    with pytest.raises(DataError, match=r"line 8: .* is in ms by its magnitude, and the first time of the file in s"):
        rows_of(file, (content + line % (7, 1_500_000_007_000)).encode())


def test_a_user_a_line_with_a_list_of_events(file: Path) -> None:
    content = (
        b'{"user": {"id": 1}, "events": []}\n'
        b'{"user": {"id": 2}, "events": [{"aid": 7, "ts": 1500000000000, "type": "clicks"},'
        b' {"aid": 8, "ts": 1500000000001, "type": "carts"}]}\n'
    )
    options = {"user": "user.id", "item": "events.aid", "time": "events.ts"}
    expected = [("2", "7", 1_500_000_000_000_000), ("2", "8", 1_500_000_000_001_000)]
    assert rows_of(file, content, **options) == expected
    assert rows_of(file, b"[" + content.replace(b"\n", b",")[:-1] + b"]", **options) == expected
    assert rows_of(file, content, **options, where=("events.type = carts",)) == expected[1:]
    with pytest.raises(DataError, match=r"line 2: the item \(column 'events\.aid'\) is missing"):
        rows_of(file, content.replace(b'"aid": 8', b'"aid": null'), **options)


def test_long_values_do_not_gather(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "_LARGEST", 10)
    rows = "".join(json.dumps({"user": "u" * 9, "item": str(n)}) + "\n" for n in range(5))
    file.write_text(rows)
    items = ((n, {"user": "u" * 9, "item": str(n)}) for n in range(5))
    found = File.of(file, "jsonl")
    sizes = [len(batch) for batch in table.batches(items, {"user": "user", "item": "item"}, Rows(None), file=found)]
    assert sizes == [2, 2, 1]


GOOD = b'{"user": "u", "item": "a", "timestamp": 1}\n'


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (b"", {}, r"is empty"),
        (b"\n \n", {}, r"is empty"),
        (GOOD + b"[1]\n", {}, r"line 2: '\[1\]', not one JSON object"),
        (GOOD + b'{"user": "u"', {}, r"line 2: .*, not one JSON object"),
        (b"[" * 100_000, {}, r"line 1: .*, not one JSON object"),
        (b"<!DOCTYPE html>\n", {}, r"line 1: is a web page \(HTML\)"),
        (GOOD + b"\xe9\n", {}, r"line 2: is not UTF-8"),
        (GOOD, {"item": "movie"}, r"has no column 'movie' \(jsonl\.item\); its columns are: user, item, time"),
        (GOOD + b'{"user": "u", "timestamp": 1}', {}, r"line 2: the item \(column 'item'\) is missing"),
        (GOOD + b'{"user": "u", "item": "", "timestamp": 1}', {}, r"line 2: the item \(column 'item'\) is missing"),
        (GOOD + b'{"user": true, "item": "a", "timestamp": 1}', {}, r"line 2: the user \(key 'user'\) is a bool"),
        (GOOD + b'{"user": "\\ud800", "item": "a", "timestamp": 1}', {}, r"line 2: the user .* half a character"),
        (GOOD + b'{"user": "u", "item": "a", "timestamp": -1}', {}, r"line 2: the timestamp .*'-1' is negative"),
        (GOOD + b'{"user": "u", "item": "a", "timestamp": NaN}', {}, r"line 2: the timestamp .* is missing"),
    ],
)
def test_a_bad_file_is_named(file: Path, content: bytes, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        rows_of(file, content, **options)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)
