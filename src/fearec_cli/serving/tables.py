"""Tables of histories: Parquet files with a row a user, `user` and the list `items`, read piece by piece."""

import glob
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from fearec_cli.errors import DataError
from fearec_cli.serving.histories import BLOCK, History

COLUMNS = ("user", "items")
# Rows of a piece, 8 blocks: some seconds of work, and what is done again when a worker is lost.
_PIECE = 8 * BLOCK


class Piece(NamedTuple):
    """Some rows of a table that are answered as one, whoever answers them.

    Attributes:
        file: that holds them.
        group: its row group.
        place: which of the group's pieces.
        first: number of the first row in the file, from 0.
        rows: how many there are.
    """

    file: str
    group: int
    place: int
    first: int
    rows: int


def is_table(path: Path) -> bool:
    """Whether a path names Parquet files of which the first has a column `items` of lists.

    Raises:
        DataError: it names Parquet files, and the first cannot be read.
    """
    files = _files(path)
    if not files:
        return False
    schema = _open(files[0]).schema_arrow
    return "items" in schema.names and _is_list(schema.field("items").type)


def pieces_of(path: Path) -> list[Piece]:
    """Every piece of the files that a path names, in the order of their names and rows.

    Args:
        path: a file, a directory of .parquet files, or a pattern such as `histories/*.parquet`.

    Raises:
        DataError: there is no such file, one cannot be read, or one lacks a column or has it of another type.
    """
    files = _files(path)
    if not files:
        raise DataError(f"{path}: no .parquet file is there; give a file, a directory or a pattern of them")
    found = []
    for file in files:
        table = _open(file)
        _check(file, table.schema_arrow)
        first = 0
        for group in range(table.num_row_groups):
            rows = table.metadata.row_group(group).num_rows
            starts = range(0, rows, _PIECE)
            found += [
                Piece(str(file.absolute()), group, place, first + start, min(_PIECE, rows - start))
                for place, start in enumerate(starts)
            ]
            first += rows
    return found


def blocks_of_table(path: Path) -> Iterator[list[History]]:
    """Every block of every piece; raises as `pieces_of` and `read_piece`."""
    for piece in pieces_of(path):
        yield from read_piece(piece)


def read_piece(piece: Piece) -> Iterator[list[History]]:
    """The histories of a piece, in blocks that do not depend on the reader.

    Raises:
        DataError: the file cannot be read, or a row has no user, no list or a missing item; names the row.
    """
    file = Path(piece.file)
    table = _open(file)
    try:
        batches = table.iter_batches(_PIECE, row_groups=[piece.group], columns=list(COLUMNS), use_threads=False)
        batch = next(islice(batches, piece.place, None), None)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None
    if batch is None or len(batch) != piece.rows:
        raise DataError(f"{file}: changed while it was read; start again")
    for start in range(0, piece.rows, BLOCK):
        yield _histories(batch.slice(start, BLOCK), file, piece.first + start)


def _histories(batch: Any, file: Path, first: int) -> list[History]:
    users, items = (_as_text(batch.column(name)) for name in COLUMNS)
    found = list(map(History, users.to_pylist(), items.to_pylist()))
    if users.null_count or items.null_count or items.flatten().null_count:
        for row, (user, own) in enumerate(found, first + 1):
            if user is None or own is None or None in own:
                what = "no user" if user is None else "no list of items" if own is None else "an item that is missing"
                raise DataError(f"{file}: row {row}: has {what}; leave the row out, or give an empty list")
    return found


def _as_text(column: Any) -> Any:
    return column.cast(pa.list_(pa.string()) if _is_list(column.type) else pa.string())


def _check(file: Path, schema: Any) -> None:
    shown = f"a table of histories has the columns user (text or whole numbers) and items (lists of them); {file} has: "
    there = ", ".join(f"{field.name} ({field.type})" for field in list(schema)[:10])
    for name in COLUMNS:
        if schema.names.count(name) != 1:
            raise DataError(f"{file}: has no column {name!r}; {shown}{there}")
    items = schema.field("items").type
    if not _is_id(schema.field("user").type) or not (_is_list(items) and _is_id(items.value_type)):
        raise DataError(f"{file}: has columns of other types; {shown}{there}")


def _is_list(of: Any) -> bool:
    return bool(pa.types.is_list(of) or pa.types.is_large_list(of))


def _is_id(of: Any) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer)
    return any(test(of) for test in tests)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.glob("*.parquet") if not file.name.startswith((".", "_")))
    if path.suffix != ".parquet":
        return []
    return [path] if path.is_file() else sorted(map(Path, glob.glob(str(path))))


def _open(file: Path) -> Any:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from None


def _damaged(file: Path, error: Exception) -> DataError:
    return DataError(f"{file}: cannot be read as Parquet ({' '.join(str(error).split())[:200]})")
