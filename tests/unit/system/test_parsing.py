"""Parsers that are bounded, and have one kind of error."""

from pathlib import Path

import pytest

from fearec_cli.system.parsing import LARGEST, ParseError, parse_json, parse_toml, read_bounded

HOSTILE = {
    "digits": "x = " + "9" * 5000,
    "deep list": "x = " + "[" * 20_000,
    "deep key": ".".join("a" * 20_000) + " = 1",
    "large": "#" * (LARGEST + 1),
    "not TOML": "[[",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_toml(text: str) -> None:
    with pytest.raises(ParseError):
        parse_toml(text)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "9" * 5000, "{", '"' + "x" * LARGEST], ids=["deep", "digits", "cut", "large"]
)
def test_json(text: str) -> None:
    with pytest.raises(ParseError):
        parse_json(text)


def test_what_is_read_as_it_stands() -> None:
    assert parse_toml("\ufeffa.b = 1") == {"a": {"b": 1}}
    assert parse_json('{"a": [1]}') == {"a": [1]}


def test_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_bounded(tmp_path / "file") == "a = 1"
    with pytest.raises(ParseError, match="is larger than 3 bytes"):
        read_bounded(tmp_path / "file", 3)
    with pytest.raises(ParseError, match="is not a regular file"):
        read_bounded(Path("/dev/zero"))
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(ParseError, match="is not UTF-8"):
        read_bounded(tmp_path / "latin")


def test_a_long_line_without_dots_is_read_in_one_pass() -> None:
    assert parse_toml("# " + "x" * 900_000) == {}
    assert parse_toml("a = '" + "x" * 900_000 + "'")["a"].startswith("x")
