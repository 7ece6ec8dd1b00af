"""The objects of a file: one a line, JSON or a Python literal as older Amazon and Steam files have it, or an array.

Numbers are kept as the text in the file, so that an id is that text whatever its type, and no
digit of a long one is lost. Literals are read by `ast.literal_eval`, which evaluates nothing.
"""

import ast
import codecs
import json
import re
import warnings
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any

from fearec_adapters.files.file import LONGEST_LINE, File
from fearec_cli.errors import DataError

Object = tuple[int, dict[str, Any]]
"""Number of the line on which it begins, and its content."""

_LONGEST_LITERAL = 2**20
_HEAD = 4096
# Of an array, read together at least.
_READ = 2**16
_FILLED = re.compile(r"\S")
_NOTHING = object()
_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


def objects(file: File) -> Iterator[Object]:
    """The objects of a file, in its order: its lines, blank ones passed over, or the elements of the one array in it.

    An object has at most 16 MiB, so that no file takes more memory than that.

    Raises:
        DataError: the file is empty or cannot be read, or a line or an element is not an object; names file and line.
    """
    with file.open() as stream:
        is_array = stream.read(_HEAD).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"[")
    yield from _elements(file) if is_array else _lines(file)


def _lines(file: File) -> Iterator[Object]:
    lines = file.lines()
    first = next(lines, None)
    if first is None:
        raise DataError(f"{file}: is empty")
    for number, text in chain([first], lines):
        found = _parse(text)
        if not isinstance(found, dict):
            what = "is a web page (HTML)" if text.lower().startswith(("<!doctype html", "<html")) else f"{text[:40]!r}"
            raise DataError(f"{file}, line {number}: {what}, not one JSON object; each line must hold one")
        yield number, found


def _parse(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        pass
    if len(text) > _LONGEST_LITERAL:
        # Python's parser takes a hundred times the memory of the text.
        return None
    try:
        with warnings.catch_warnings():
            # Reviews have backslashes that are no escapes, of which Python warns.
            warnings.simplefilter("ignore")
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _elements(file: File) -> Iterator[Object]:
    with file.open() as stream:
        window = _Window(file, stream)
        window.next()
        window.pass_over()
        while window.next() != "]":
            line, shown = window.line, window.shown()
            found = window.value()
            if not isinstance(found, dict):
                raise DataError(f"{file}, line {line}: {shown!r}, not one JSON object; each element must be one")
            yield line, found
            if window.next() == ",":
                window.pass_over()
            elif window.next() != "]":
                raise DataError(f"{file}, line {window.line}: the array goes on with {window.shown()!r}, not , or ]")
        window.pass_over()
        if window.next():
            raise DataError(f"{file}, line {window.line}: {window.shown()!r} follows the array's end")


class _Window:
    """The part of a text that is being read.

    Attributes:
        line: of the place that was reached, from 1.
    """

    def __init__(self, file: File, stream: IO[bytes]) -> None:
        self.line = 1
        self._file = file
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._place = 0

    def next(self) -> str:
        """The next character that is not blank; empty at the end."""
        while (match := _FILLED.search(self._text, self._place)) is None:
            self._go(len(self._text))
            if not self._fill(_READ):
                return ""
        self._go(match.start())
        return match.group()

    def pass_over(self) -> None:
        """Pass over this character."""
        self._go(self._place + 1)

    def shown(self) -> str:
        """The beginning of the rest."""
        return self._text[self._place : self._place + 40].partition("\n")[0]

    def value(self) -> Any:
        """The value that begins here, which the window then has passed; `_NOTHING` if none does."""
        while True:
            try:
                found, end = _decoder.raw_decode(self._text, self._place)
            except RecursionError:
                return _NOTHING
            except ValueError:
                # It is not there whole yet. As much again is read, so that it is parsed a few times only.
                pending = len(self._text) - self._place
                if pending > LONGEST_LINE or not self._fill(min(max(pending, _READ), LONGEST_LINE)):
                    return _NOTHING
            else:
                self._go(end)
                return found

    def _go(self, place: int) -> None:
        self.line += self._text.count("\n", self._place, place)
        self._place = place

    def _fill(self, size: int) -> bool:
        block = self._stream.read(size)
        rest = self._text[self._place :]
        try:
            self._text, self._place = rest + self._decoder.decode(block, final=not block), 0
        except UnicodeDecodeError as error:
            before = rest.count("\n") + error.object.count(b"\n", 0, error.start)
            raise self._file.not_text(self.line + before) from None
        return bool(block)
