"""One interaction a line, `user item`, each user's oldest first, as SASRec and BERT4Rec publish their data."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.files.file import File, TextOptions
from fearec_adapters.reading.words import word_lines, words_log
from fearec_cli.api import Component, Log
from fearec_cli.errors import DataError


class Pairs:
    """Reads .txt, .txt.gz and .zip. Ids are text with white space between; blank lines are passed over."""

    def __init__(self, options: TextOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Open a file.

        Raises:
            DataError: no file; and when it is read, an empty one, or a line that is no pair; names file and line.
        """
        return words_log(path, self._options, "pairs", _interactions)


def _interactions(file: File) -> Iterator[pl.DataFrame]:
    for lines in word_lines(file):
        for line, words in lines.filter(pl.col("words").list.len() != 2).head(1).rows():
            hint = "; `sequences` reads one user a line" if len(words) > 2 else ""
            raise DataError(f"{file}, line {line}: has {len(words)} fields, and a line is: user item{hint}")
        yield lines.select(user=pl.col("words").list.first(), item=pl.col("words").list.last())


COMPONENT = Component(
    name="pairs",
    options=TextOptions,
    build=Pairs,
    summary="One interaction a line, `user item`, each user's oldest first (.txt), with or without .gz.",
    source="a local file; kang205/SASRec data/, FeiSun/BERT4Rec data/",
)
