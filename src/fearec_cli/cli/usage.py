"""What was typed, checked before a command runs; what is wrong with it is one line, as every other error."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from typer import TyperException

from fearec_cli.errors import ConfigError
from fearec_cli.system.text import plain_english

_EMPTY_VALUE = re.compile(r"(--[a-z][a-z-]*)=")
# What a file is read by, where the name of the format is not that of its ending.
_FORMATS = {".json": "jsonl", ".ndjson": "jsonl", ".inter": "recbole", ".dat": "csv", ".txt": "tsv"}


def check_words(words: Sequence[str]) -> None:
    """Refuse words without a letter: a variable of the shell that is not set means none of what it could be taken for.

    Raises:
        ConfigError: there are some.
    """
    problems = []
    for before, word in zip(["", *words], words, strict=False):
        match = _EMPTY_VALUE.fullmatch(word)
        if word and not match:
            continue
        name = match[1] if match else before if before.startswith("-") else "an argument"
        problems.append(f"{name}: is empty (a variable that is not set?); leave it out, or give it a value")
    if problems:
        raise ConfigError(problems)


def check_once(options: Iterable[Any]) -> None:
    """Refuse an option that takes one value and is given several times: the others would be ignored.

    Args:
        options: parameters of the command, in the order and as often as they were typed.

    Raises:
        ConfigError: names each.
    """
    times: dict[str, int] = {}
    for option in options:
        if option.param_type_name == "option" and not option.multiple and not option.is_flag:
            name = max(option.opts, key=len)
            times[name] = times.get(name, 0) + 1
    problems = [f"{name}: is given {count} times; it takes one value" for name, count in times.items() if count > 1]
    if "--from" in times and times["--from"] > 1:
        problems[-1] += ", which may be a directory or a pattern in quotes"
    if problems:
        raise ConfigError(problems)


def one_too_many(command: str, given: Mapping[str, Any], rest: Sequence[str]) -> ConfigError:
    """The error about words that the command has no place for."""
    words = " ".join(map(repr, rest[:3])) + (" ..." if len(rest) > 3 else "")
    if command == "prepare" and given.get("from_") is not None:
        advice = "--from takes one file, directory or pattern; put the pattern in quotes, or the shell expands it"
    elif command == "prepare":
        again = shlex.join(["fearec", "prepare", str(given.get("source")), "--from", rest[0]])
        advice = f"a file is given by --from: {again}"
    else:
        advice = f"`fearec {command} -h` shows what it takes"
    return ConfigError([f"{words}: {'is' if len(rest) == 1 else 'are'} too many for `fearec {command}`; {advice}"])


def reading_of(source: str, formats: Iterable[str]) -> str | None:
    """The command that reads a file whose name was given instead of its format's; None for other names."""
    known = {*formats}
    suffix = Path(source).suffix.lower()
    by_name = suffix.removeprefix(".")
    if source.partition(":")[0] in known:  # a source, or one with its location, as hub:OWNER/NAME/log.csv
        return None
    if not Path(source).exists() and by_name not in known and suffix not in _FORMATS:
        return None
    kind = by_name if by_name in known else _FORMATS.get(suffix, "csv")
    return shlex.join(["fearec", "prepare", kind, "--from", source])


def problem_of(error: TyperException) -> str:
    """What typer found wrong with the words, in one line and in the words of the other errors."""
    context: Any = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "fearec"
    name: str | None = getattr(error, "option_name", None)
    alike: Sequence[str] = getattr(error, "possibilities", None) or ()
    if type(error).__name__ == "NoSuchOption":
        hint = f"did you mean {' or '.join(sorted(alike))}?" if alike else f"`{command} -h` lists the options"
        return f"{name}: there is no such option of `{command}`; {hint}"
    text = error.format_message() if hasattr(error, "format_message") else str(error)
    text = re.sub(r"^Invalid value for '?([^':]+)'?: ", r"\1: ", text)
    text = re.sub(r"^Missing argument '([^']+)'\.", rf"\1: is missing; `{command} -h` shows what it takes", text)
    text = re.sub(r"^Option '([^']+)' requires an argument\.", r"\1: needs a value", text)
    return plain_english(text)
