"""An interaction log that comes batch by batch, as a polars LazyFrame: the log need not fit in memory."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import polars as pl
from polars.io.plugins import register_io_source

_TYPES = {"user": pl.String(), "item": pl.String(), "timestamp": pl.Int64(), "rating": pl.Float64()}


def lazy_log(columns: Iterable[str], batches: Callable[[], Iterator[pl.DataFrame]]) -> pl.LazyFrame:
    """A frame for `fearec_cli.api.Log` that reads its source when it is collected, and no further than it must.

    >>> frame = lazy_log(["user", "item"], lambda: iter([pl.DataFrame({"user": ["u", "u"], "item": ["a", "b"]})]))
    >>> frame.head(1).collect().rows()
    [('u', 'a')]

    Args:
        columns: which of user, item, timestamp and rating there are.
        batches: begins to read the source anew and gives some rows at a time. What it raises, such as a DataError
            that names file and line of a bad row, comes out of the reading of the frame as it is.
    """
    schema: Mapping[str, pl.DataType] = {column: _TYPES[column] for column in columns}

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        left = n_rows
        for batch in batches():
            table = batch.select(with_columns or list(schema))
            if left is not None:
                table = table.head(left)
                left -= len(table)
            yield table if predicate is None else table.filter(predicate)
            if left == 0:
                return

    return register_io_source(read, schema=pl.Schema(schema))
