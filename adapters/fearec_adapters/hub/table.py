"""Comma-separated files of the Hub by `datasets`: parsed once into memory-mapped Arrow, never whole in memory.

`datasets` reads every column as text (it would make numbers of ids, and nothing of NA), and is given the
columns' names and one more for fields too many, which it would drop in silence. Where it meets anything odd,
the strict reader of local tables reads the file again: it names the line, or reads what `datasets` could not.
"""

import csv
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from fearec_adapters.files.file import File
from fearec_adapters.reading.columns import all_named
from fearec_adapters.reading.delimited import Table
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.values import Batch
from fearec_cli.errors import DataError

_TOO_MANY = "fields too many"


@dataclass(frozen=True)
class HubTable:
    """A comma-separated file with a header, fetched from the Hub; the same to its reader as `Table`.

    Attributes:
        file: the fetched copy.
        separator: one character.
    """

    file: Path
    separator: str = ","

    @cached_property
    def columns(self) -> list[str]:
        """The columns' names as in the file.

        Raises:
            DataError: the file cannot be read or is empty.
        """
        return self._header[0]

    def sample(self, columns: Mapping[str, str]) -> pl.DataFrame:
        """The first rows, as text under the log's names: they show how times are written.

        Raises:
            DataError: they cannot be read; names file and line.
        """
        strict = self._strict()
        return strict.sample(self._there(strict, columns))

    def frame(self, columns: Mapping[str, str], rows: Rows) -> pl.LazyFrame:
        """The columns of a `fearec_cli.api.Log`; blank lines are passed over.

        Raises:
            DataError: a row has too many fields, a missing id, a time or a rating that is none; names
                file, line and value.
        """
        from datasets.exceptions import DatasetsError  # type: ignore[import-untyped]

        try:
            read = self._arrow(columns)

            def batches() -> Iterator[pl.DataFrame]:
                for before, raw in read():
                    yield rows.table(
                        Batch(
                            raw,
                            self.file,
                            columns,
                            place=lambda row, before=before: f"row {before + row + 1}",  # type: ignore[misc]
                            value=lambda row, column, raw=raw: raw[column][row],  # type: ignore[misc]
                        )
                    )

            # Once for the faults: afterwards it is too late for the strict reader, which names lines.
            rows.tally.begin()
            for _ in batches():
                pass
        except (DataError, DatasetsError, OSError, ValueError, pl.exceptions.PolarsError):
            strict = self._strict()
            return strict.frame(self._there(strict, columns), rows)
        return rows.frame(columns, batches)

    def _there(self, strict: Table, columns: Mapping[str, str]) -> dict[str, str]:
        # It may find other names in the header, as where a tab stands before the first.
        return all_named(
            strict.columns, columns, where=self.file, hint="; look for blanks and quotes in its first line"
        )

    @cached_property
    def _header(self) -> tuple[list[str], bool]:
        """The columns' names, and whether they are the file's first line, no more and no less."""
        numbers = []

        def lines() -> Iterator[str]:
            for number, line in File(self.file, "hub").lines():
                numbers.append(number)
                yield line

        try:
            names = next(csv.reader(lines(), delimiter=self.separator), [])
        except csv.Error:
            names = []
        return names or self._strict().columns, bool(names) and numbers == [1]

    def _arrow(self, columns: Mapping[str, str]) -> Callable[[], Iterator[tuple[int, pl.DataFrame]]]:
        """Begins to read the wanted columns, under the log's names, with "row"; how many rows came before, and some."""
        from datasets import Features, Value, load_dataset, logging  # type: ignore[import-untyped]
        from pandas.errors import ParserWarning  # type: ignore[import-untyped]

        # By position, for a header may have a name twice.
        names = [*(str(position) for position in range(len(self.columns))), _TOO_MANY]
        if not self._header[1]:
            raise DataError(f"{self.file}: its header is not its first line")
        verbosity = logging.get_verbosity()
        # Its messages would come before the strict reader's.
        logging.set_verbosity(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                # What stands beyond one field too many would be lost with a warning.
                warnings.simplefilter("error", ParserWarning)
                dataset = load_dataset(
                    "csv",
                    data_files=str(self.file),
                    split="train",
                    features=Features(dict.fromkeys(names, Value("string"))),
                    names=names,
                    header=None,
                    skiprows=1,
                    sep=self.separator,
                    index_col=False,
                    keep_default_na=False,
                )
        finally:
            logging.set_verbosity(verbosity)
        chosen = {column: pl.col(str(self.columns.index(name))) for column, name in columns.items()}

        def read() -> Iterator[tuple[int, pl.DataFrame]]:
            before = 0
            for batch in dataset.data.table.to_batches():
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                if frame.select(pl.col(_TOO_MANY).fill_null("").ne("").any()).item():
                    raise DataError(f"{self.file}: a row has too many fields")
                yield before, frame.select(**chosen).with_row_index("row")
                before += len(frame)

        return read

    def _strict(self) -> Table:
        return Table.open(File(self.file, "hub"), separator=self.separator, header=True, quoted=True)
