"""Text made safe to print."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.system.text import LONGEST_VALUE, MOST_LINES, is_name, message, printable, value


@given(st.text())
def test_nothing_that_acts_on_a_terminal_is_left(text: str) -> None:
    shown = printable(text)
    assert not any((ord(letter) < 32 and letter != "\n") or 127 <= ord(letter) < 160 for letter in shown)
    assert not set(shown) & set("\u202e\u2066\u2028\u200f")


@given(st.text(st.characters(categories=("L", "N", "P", "Zs"), exclude_characters="\u200f")))
def test_plain_text_stays(text: str) -> None:
    assert printable(text) == text


@given(st.text(max_size=1000))
def test_a_value_is_one_bounded_line(text: str) -> None:
    assert "\n" not in value(text)
    assert len(value(text)) <= 6 * (LONGEST_VALUE + 3)


def test_a_message_is_bounded() -> None:
    lines = message("\n".join(f"line {number}" for number in range(1000)))
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "... and 980 more"
    assert message("a " + "x" * 1000) == ["a " + "x" * LONGEST_VALUE + "..."]


@pytest.mark.parametrize("name", ["shop", "My shop 2", "日本", "a.b-c_d"])
def test_names(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\nb", "\x00", "x" * 101, "a\u202eb"])
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)
