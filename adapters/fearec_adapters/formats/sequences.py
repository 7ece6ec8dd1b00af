"""One user a line: `user item item ...`, oldest first, as S3-Rec, FMLP-Rec and BSARec publish their data."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.files.file import File, TextOptions
from fearec_adapters.reading.words import word_lines, words_log
from fearec_cli.api import Component, Log
from fearec_cli.errors import DataError


class Sequences:
    """Reads .txt and .txt.gz. Ids are text with white space between; blank lines are passed over."""

    def __init__(self, options: TextOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Open a file.

        Raises:
            DataError: no file; and when it is read, an empty one, a user without items or with a second line; names
                file and line.
        """
        return words_log(path, self._options, "sequences", _interactions)


def _interactions(file: File) -> Iterator[pl.DataFrame]:
    known: dict[str, int] = {}
    for words in word_lines(file):
        lines = words.select("line", user=pl.col("words").list.first(), item=pl.col("words").list.slice(1))
        for line, user, size in lines.with_columns(pl.col("item").list.len()).iter_rows():
            if not size:
                raise DataError(f"{file}, line {line}: user {user!r} has no items; a line is: user item item ...")
            if (first := known.setdefault(user, line)) != line:
                raise DataError(f"{file}, line {line}: user {user!r} has a line already, line {first}; one user a line")
        yield lines.select("user", "item").explode("item")


COMPONENT = Component(
    name="sequences",
    options=TextOptions,
    build=Sequences,
    summary="One user a line, `user item item ...`, oldest first (.txt), with or without .gz.",
    source="a local file; RUCAIBox/CIKM2020-S3Rec data/",
)
