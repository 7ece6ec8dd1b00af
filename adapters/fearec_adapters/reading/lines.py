"""The lines of a text by the block, as tables: for layouts that no reader of delimited tables knows."""

from collections.abc import Iterator, Sequence

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.reading.blocks import read_blocks
from fearec_cli.errors import DataError


def text_lines(file: File) -> Iterator[pl.DataFrame]:
    """The lines of a text as "line", the number, and "text", without white space around it; blank ones are passed over.

    Raises:
        DataError: the file cannot be read, is cut short or damaged, is empty, is not UTF-8, or has too long a line.
    """
    empty = True
    for block in read_blocks(file, " ", quoted=False):
        lines = (
            pl.DataFrame({"text": block.data.decode().split("\n")}, schema={"text": pl.String})
            .with_row_index("line", offset=block.line)
            .with_columns(pl.col("text").str.strip_chars(" \r"))
            .filter(pl.col("text").str.strip_chars() != "")
        )
        if len(lines):
            empty = False
            yield lines
    if empty:
        raise DataError(f"{file}: is empty")


def fields(lines: pl.DataFrame, separator: str, names: Sequence[str], file: File) -> pl.DataFrame:
    """Lines of `text_lines` cut into fields, each under its name in the place of "text".

    Raises:
        DataError: a line has more or fewer fields; names it.
    """
    found = pl.col("text").str.count_matches(separator, literal=True) + 1
    for line, count in lines.select("line", found.alias("count")).filter(pl.col("count") != len(names)).head(1).rows():
        raise DataError(f"{file}, line {line}: has {count} fields, and a line is: {separator.join(names)}")
    cut = pl.col("text").str.split_exact(separator, len(names) - 1).struct.rename_fields(names)
    return lines.with_columns(cut.alias("text")).unnest("text")
