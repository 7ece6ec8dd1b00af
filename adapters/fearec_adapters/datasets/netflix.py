"""Netflix Prize: ratings of films from 1999 to 2005, a day each; a film's number stands on a line of its own.

    1:
    1488844,3,2005-09-06

Files are grouped by film and times are days: many interactions of a user share theirs, and the order of the file, which
is that of the films, decides between them.

Source: the README of the training set (kaggle.com/datasets/netflix-inc/netflix-prize-data).
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.files.finding import find_files
from fearec_adapters.reading.lines import fields, text_lines
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.time_forms import iso
from fearec_adapters.reading.times import Clock
from fearec_adapters.reading.values import Batch
from fearec_cli.api import Component, Log, Options
from fearec_cli.errors import DataError

_FILES = tuple(f"combined_data_{number}.txt" for number in range(1, 5))
_COLUMNS = {"user": "customer", "item": "film", "rating": "rating", "timestamp": "date"}


class Netflix:
    """Reads combined_data_1.txt to _4.txt, the directory they are in, or a pattern such as `training_set/mv_*.txt`."""

    def __init__(self, options: Options) -> None:
        pass

    def read(self, path: Path | None) -> Log:
        """Read the ratings.

        Raises:
            DataError: no file; and when it is read, a bad line; names file, line and value.
        """
        found = find_files(path, "netflix", _FILES)
        rows = Rows(Clock("text", forms=(iso(),)))

        def read() -> Iterator[pl.DataFrame]:
            for file in found.files:
                yield from _ratings(file, rows)

        notes = {**found.notes, **rows.time_notes()}
        return Log(frame=rows.frame(_COLUMNS, read), source=found.source(), notes=notes)


def _ratings(file: File, rows: Rows) -> Iterator[pl.DataFrame]:
    film: str | None = None
    for block in text_lines(file):
        heads = pl.when(pl.col("text").str.ends_with(":")).then(pl.col("text").str.strip_suffix(":"))
        lines = block.with_columns(item=heads.forward_fill().fill_null(pl.lit(film, pl.String)))
        film = lines["item"][-1]
        ratings = fields(lines.filter(~pl.col("text").str.ends_with(":")), ",", ("user", "rating", "timestamp"), file)
        if ratings["item"].null_count():
            raise DataError(f"{file}, line {ratings['line'][0]}: no line with a film (`1:`) stands before this rating")
        yield rows.table(
            Batch(
                ratings.with_row_index("row"),
                file,
                _COLUMNS,
                place=lambda row, ratings=ratings: f"line {ratings['line'][row]}",  # type: ignore[misc]
                value=lambda row, column, ratings=ratings: ratings[column][row],  # type: ignore[misc]
            )
        )


COMPONENT = Component(
    name="netflix",
    build=Netflix,
    summary="Netflix Prize: ratings of films, days as times, from combined_data_1.txt to _4.txt or their directory.",
    source="local files, kaggle.com/datasets/netflix-inc/netflix-prize-data; Bennett and Lanning 2007, KDD Cup",
)
