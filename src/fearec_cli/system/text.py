"""Text of other people's files, made safe to print: no control characters, no line breaks, bounded."""

import re
import unicodedata

LONGEST_VALUE = 200
MOST_LINES = 20

# Control characters (C0, C1, delete), bidirectional overrides and isolates, line and paragraph separators.
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# What pydantic says, and what we say; in this order.
_PYDANTIC = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Value error, ", ""),
        (r"Input should be a valid integer(, .*)?", "must be a whole number"),
        (r"Input should be a (valid|finite) number(, .*)?", "must be a number"),
        (r"Input should be a valid boolean(, .*)?", "must be true or false"),
        (r"Input should be a valid string", "must be a text"),
        (r"Input should be a valid (list|tuple)", "must be a list"),
        (r"Input should be a valid dictionary.*", "must be a table"),
        (r"Unable to parse input string as an integer, exceeded maximum size", "must be a smaller number"),
        (r"String should match pattern", "must match"),
        (r"(String|List|Tuple|Value) should have at (most|least)", r"must have at \2"),
        (r"Input should be", "must be"),
    )
)
_LONG = re.compile(rf"\S{{{LONGEST_VALUE + 1},}}")


def printable(text: str) -> str:
    r"""The text with everything that would act on a terminal written out; line breaks stay.

    >>> printable("a\x1b]0;title\x07b")
    'a\\x1b]0;title\\x07b'
    """
    return _UNSAFE.sub(_written_out, text)


def value(text: str) -> str:
    r"""A value inside a message: printable, one line, cut where it is long.

    >>> value("two\nlines"), len(value("x" * 1000))
    ('two\\nlines', 203)
    """
    short = text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "..."
    return printable(short.replace("\n", "\\n"))


def message(text: str) -> list[str]:
    """The lines of a message: printable, words cut where they are long, and not too many of them."""
    lines = [printable(_LONG.sub(lambda match: match[0][:LONGEST_VALUE] + "...", line)) for line in text.splitlines()]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"... and {len(lines) - MOST_LINES:,} more"]
    return lines


def plain_english(text: str) -> str:
    """What pydantic says of a value, in the words of the other messages.

    >>> plain_english("Input should be a valid integer, unable to parse string as an integer")
    'must be a whole number'
    """
    for pattern, words in _PYDANTIC:
        text = pattern.sub(words, text)
    return text


def is_name(text: str, longest: int = 100) -> bool:
    """Whether a text can be one component of a path that a person reads: printable, no separator, not hidden."""
    return (
        0 < len(text) <= longest
        and not text.startswith(".")
        and "/" not in text
        and all(unicodedata.category(letter)[0] not in "CZ" or letter == " " for letter in text)
    )


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
