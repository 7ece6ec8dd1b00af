"""Texts of words with white space between, as published data sets come: filtered, numbered, without a header."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.files.file import File, TextOptions
from fearec_adapters.files.finding import find_file
from fearec_adapters.reading.lines import text_lines
from fearec_cli.api import Log, lazy_log


def words_log(
    path: Path | None, options: TextOptions, adapter: str, interactions: Callable[[File], Iterator[pl.DataFrame]]
) -> Log:
    """A log that is read from such a text when it is needed.

    Args:
        path: the file; None where the user named none.
        options: its encoding.
        adapter: name of the adapter.
        interactions: reads "user" and "item", some rows at a time.

    Raises:
        DataError: no file.
    """
    file = find_file(path, adapter, encoding=options.encoding)
    # These files come filtered and numbered: a k-core would change a published data set.
    return Log(frame=lazy_log(["user", "item"], lambda: interactions(file)), source=file.source(), k_core=0)


def word_lines(file: File) -> Iterator[pl.DataFrame]:
    """The lines of a text as "line", the number, and "words", a list; blank lines are passed over.

    Raises:
        DataError: the file cannot be read, is cut short or damaged, is empty, is not UTF-8, or has too long a line.
    """
    for lines in text_lines(file):
        yield lines.select("line", words=pl.col("text").str.extract_all(r"\S+"))
