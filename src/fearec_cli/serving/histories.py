"""Histories to recommend for: from logs, through the same readers as `prepare`, or one a line."""

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import NamedTuple

from fearec_cli.components.options import parse_assignment, validate_options
from fearec_cli.components.registry import load_adapters
from fearec_cli.data.preparing.steps import ordered
from fearec_cli.errors import ConfigError, DataError
from fearec_cli.system.parsing import parse_json
from fearec_cli.system.text import value as shown

_SEPARATORS = re.compile(r"[,\s]+")
_FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".parquet": "parquet", ".inter": "recbole"}
_PACKED = {".gz", ".bz2", ".zip"}


# Users that are read and answered together.
BLOCK = 4096


class History(NamedTuple):
    """One user's items.

    Attributes:
        user: raw id, or the number of the line.
        items: raw ids, oldest first.
    """

    user: str
    items: list[str]


def read_lines(lines: Iterable[str], source: str = "") -> Iterator[History]:
    """One history a line; empty lines count and are empty histories.

    Args:
        lines: items separated by commas or blanks, or, for ids that have such in them, a JSON list of texts.
        source: where they come from, for the message.

    Raises:
        DataError: a line begins with [ and is not a JSON list of texts.
    """
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text.startswith("["):
            yield History(str(number), [item for item in _SEPARATORS.split(text) if item])
            continue
        try:
            items = parse_json(text)
        except ValueError:
            items = None
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise DataError(
                f'{source}line {number}: begins with [ and is no JSON list of item ids, such as ["a b", "c,d"]: '
                f"{shown(text)}"
            )
        yield History(str(number), items)


def read_users(path: Path, assignments: Iterable[str] = ()) -> Iterator[History]:
    """The histories of a log in the order in which its users first appear; of a .txt file one a line.

    Ids and order of a log are kept in memory, 16 bytes an interaction; its text is not.

    Args:
        path: csv, tsv, jsonl, parquet, RecBole's .inter, packed or not, a directory or a pattern of them; or .txt.
        assignments: options of the reader, as in `csv.user=customer`.

    Raises:
        DataError: the file cannot be read, or has no such columns.
        ConfigError: an option of the reader.
    """
    suffixes = [suffix for suffix in path.suffixes if suffix not in _PACKED]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".txt":
        try:
            with path.open(encoding="utf-8") as file:
                yield from read_lines(file, f"{path}: ")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
        return
    if suffix not in _FORMATS:
        known = ", ".join([*_FORMATS, ".txt"])
        raise DataError(f"{path}: its ending names no format; there are {known}")
    adapter = load_adapters().get("adapter", _FORMATS[suffix])
    values, problems = {}, []
    for text in assignments:
        name, option, value = parse_assignment(text)
        if name != adapter.name:
            problems.append(f"--set {text}: the file is read by {adapter.name}; its options are {adapter.name}.OPTION")
        values[option] = value
    options, found = validate_options(adapter.name, adapter.component.options, values)
    if options is None or problems:
        raise ConfigError([*problems, *found])
    log = ordered(adapter.component.build(options).read(path))
    names = log.raw_items.to_numpy()
    for first in range(0, len(log.raw_users), BLOCK):
        users = log.raw_users.slice(first, BLOCK).to_list()
        bounds = log.offsets[first : first + len(users) + 1].tolist()
        items = names[log.items[bounds[0] : bounds[-1]] - 1].tolist()
        for user, (start, end) in zip(users, pairwise(bounds), strict=True):
            yield History(user, items[start - bounds[0] : end - bounds[0]])


def standard_input() -> Iterator[History]:
    """One history a line of standard input."""
    return read_lines(sys.stdin, "--stdin: ")


def blocks_of(histories: Iterable[History]) -> Iterator[list[History]]:
    """The histories, some at a time."""
    rest = iter(histories)
    while block := list(islice(rest, BLOCK)):
        yield block


def shard_of(histories: Iterable[History], index: int, count: int) -> Iterator[History]:
    """Every count-th history from `index` on, from 0: all shards together are the whole."""
    return islice(histories, index, None, count)
