"""An interaction log, what an adapter gives: a lazy table with its source, read in batches."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a log came from, as recorded in the prepared data set.

    Attributes:
        adapter: name of the adapter.
        location: file name, Hub repository and path, or generator.
        revision: commit of the Hub repository; empty for a file.
        sha256: of the raw bytes; empty where there are none. The same bytes, read by the same
            adapter with the same options, must give the same rows: they are not read twice.
    """

    adapter: str
    location: str
    revision: str = ""
    sha256: str = ""


@dataclass
class Tally:
    """Rows that an adapter leaves out because the user asked for it, counted while the log's frame is read.

    Attributes:
        left_out: so many rows by what leaves them out, as in `--where kind = view`, in that order.
        notes: more about them, added to the log's.
    """

    left_out: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def begin(self) -> None:
        """Forget an earlier reading."""
        self.left_out.clear()
        self.notes.clear()


@dataclass(frozen=True, kw_only=True)
class Log:
    """An interaction log, the one thing that an adapter gives.

    Attributes:
        frame: one row an interaction, in the order of the source, with the columns
            `user` (String), `item` (String) and, where the source has them, `timestamp`
            (Int64, microseconds since 1970 UTC), `order` (Int64) and `rating` (Float64). `order` is a number that
            is not a time and only orders a user's rows, at equal times or where there are none. No nulls: a bad row
            is a DataError when it is read. Rows of one user that nothing orders are oldest first.
            It is read in batches; a log that may be large should be a scan, or `lazy_log`.
        source: where it came from.
        notes: what a reader of the results should know: `planted` periods of a generated log, the time
            unit that was recognised. Recorded in dataset.json as it is, so JSON values only.
        k_core: the k-core that `prepare` applies by default; 0 where the source is already
            prepared.
        tally: what is left out of the source on purpose; its own for each log.
    """

    frame: "pl.LazyFrame"
    source: Source
    notes: Mapping[str, Any] = field(default_factory=dict)
    k_core: int = 5
    tally: Tally = field(default_factory=Tally)


class Adapter(Protocol):
    """What an adapter's `build(options)` makes: a reader of one kind of source. No filtering, no splitting."""

    def read(self, path: Path | None) -> Log:
        """Read a log.

        Args:
            path: what `--from` names, or None where the user named nothing.

        Raises:
            DataError: the source cannot be read; names file and line. What is wrong with a row
                may come out later, when the frame is read.
        """


def lazy_log(columns: Iterable[str], batches: "Callable[[], Iterator[pl.DataFrame]]") -> "pl.LazyFrame":
    """A frame for `fearec_cli.api.Log` that reads its source when it is collected, and no further than it must.

    >>> import polars as pl
    >>> frame = lazy_log(["user", "item"], lambda: iter([pl.DataFrame({"user": ["u", "u"], "item": ["a", "b"]})]))
    >>> frame.head(1).collect().rows()
    [('u', 'a')]

    Args:
        columns: which of user, item, timestamp, order and rating there are.
        batches: begins to read the source anew and gives some rows at a time. What it raises, such as a DataError
            that names file and line of a bad row, comes out of the reading of the frame as it is.
    """
    import polars as pl
    from polars.io.plugins import register_io_source

    types = {
        "user": pl.String(),
        "item": pl.String(),
        "timestamp": pl.Int64(),
        "order": pl.Int64(),
        "rating": pl.Float64(),
    }
    schema: Mapping[str, pl.DataType] = {column: types[column] for column in columns}

    def read(
        with_columns: list[str] | None, predicate: "pl.Expr | None", n_rows: int | None, batch_size: int | None
    ) -> "Iterator[pl.DataFrame]":
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
