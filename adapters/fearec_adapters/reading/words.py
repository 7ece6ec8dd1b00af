"""Lines of words with white space between, some at a time."""

from collections.abc import Iterator

import polars as pl

from fearec_adapters.reading.blocks import read_blocks
from fearec_adapters.reading.files import File
from fearec_cli.errors import DataError


def word_lines(file: File) -> Iterator[pl.DataFrame]:
    """The lines of a text as "line", the number, and "words", a list; blank lines are passed over.

    Raises:
        DataError: the file cannot be read, is cut short or damaged, is empty, or is not UTF-8.
    """
    empty = True
    for block in read_blocks(file, " ", quoted=False):
        lines = (
            pl.DataFrame({"text": block.data.decode().split("\n")}, schema={"text": pl.String})
            .with_row_index("line", offset=block.line)
            .select("line", words=pl.col("text").str.extract_all(r"\S+"))
            .filter(pl.col("words").list.len() > 0)
        )
        if len(lines):
            empty = False
            yield lines
    if empty:
        raise DataError(f"{file}: is empty")
