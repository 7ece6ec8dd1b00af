"""Single values of files: as a message quotes them, and as the numbers that they are."""

import math

_LONGEST = 100


def shown(value: object) -> str:
    """A value as a message quotes it, at most some 100 characters."""
    text = str(value)
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}... ({len(text):,} characters)"


def number_of(value: object) -> float | None:
    """The finite number that a value is or spells; None where it is none."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
