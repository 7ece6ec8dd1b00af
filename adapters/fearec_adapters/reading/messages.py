"""Values of files in messages: quoted, and cut where they are long."""

_LONGEST = 100


def shown(value: object) -> str:
    """A value as a message quotes it, at most some 100 characters."""
    text = str(value)
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}... ({len(text):,} characters)"
