"""Tables of histories: which files they are, and every row in its place."""

from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearec_cli.errors import DataError
from fearec_cli.serving import tables
from fearec_cli.serving.histories import History
from fearec_cli.serving.tables import blocks_of_table, is_table, pieces_of, read_piece

HISTORIES = [("u1", ["a", "b"]), ("u2", []), ("é", ["a, b"])]
ROWS = st.lists(st.tuples(st.text(max_size=3), st.lists(st.text(max_size=2), max_size=3)), max_size=30)


def write(path: Path, rows: list[tuple[object, object]], **options: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    columns = {"user": [user for user, _ in rows], "items": [items for _, items in rows]}
    schema = {"user": pl.String, "items": pl.List(pl.String)}
    pl.DataFrame(columns, schema=schema, strict=True).write_parquet(path, **options)
    return path


def read(path: Path) -> list[History]:
    return list(chain.from_iterable(blocks_of_table(path)))


@settings(max_examples=20)
@given(rows=ROWS, group=st.integers(1, 12), piece=st.integers(1, 5))
def test_every_row_is_read_once_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, list[str]]], group: int, piece: int
) -> None:
    path = write(tmp_path_factory.mktemp("tables") / "h.parquet", rows, row_group_size=group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "BLOCK", 2)
        patch.setattr(tables, "_PIECE", 2 * piece)
        found = pieces_of(path)
        assert read(path) == [History(user, items) for user, items in rows]
        assert all(len(block) <= 2 for each in found for block in read_piece(each))
    firsts = [each.first for each in found if each.rows]
    assert firsts == sorted(set(firsts))
    assert sum(each.rows for each in found) == len(rows)


def test_a_directory_and_a_pattern_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name, rows in (("b", HISTORIES[1:]), ("a", HISTORIES[:1]), ("_old", HISTORIES)):
        write(tmp_path / "all" / f"{name}.parquet", rows)
    (tmp_path / "all" / "_SUCCESS").touch()
    assert read(tmp_path / "all") == HISTORIES
    assert read(tmp_path / "all" / "[ab].parquet") == HISTORIES
    assert is_table(tmp_path / "all")


@pytest.mark.parametrize("text", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("many", [pa.list_, pa.large_list])
def test_every_type_of_text_and_list(tmp_path: Path, text: pa.DataType, many: object) -> None:
    table = pa.table({"user": pa.array(["u"], text), "items": pa.array([["a"]], many(text)), "more": [1]})
    pq.write_table(table, tmp_path / "h.parquet")
    assert read(tmp_path / "h.parquet") == [History("u", ["a"])]


def test_whole_numbers_are_ids_too(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": [7], "items": [[3, 10]]}), tmp_path / "h.parquet")
    assert read(tmp_path / "h.parquet") == [History("7", ["3", "10"])]


def test_a_log_is_no_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"user": ["u"], "item": ["a"], "items": ["a"]}), tmp_path / "log.parquet")
    assert not is_table(tmp_path / "log.parquet")
    assert not is_table(tmp_path / "log.csv")
    assert not is_table(tmp_path / "missing.parquet")


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"customer": ["u"], "items": [["a"]]}, r"has no column 'user'.*has: customer \(string\), items"),
        ({"user": ["u"], "item": ["a"]}, "has no column 'items'"),
        ({"user": ["u"], "items": ["a"]}, "has columns of other types"),
        ({"user": [0.5], "items": [["a"]]}, "has columns of other types"),
        ({"user": ["u"], "items": [[0.5]]}, "has columns of other types"),
    ],
)
def test_columns_that_are_not_those_of_histories(tmp_path: Path, columns: dict[str, object], problem: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "h.parquet")
    with pytest.raises(DataError, match=rf"h\.parquet: {problem}"):
        pieces_of(tmp_path / "h.parquet")


@pytest.mark.parametrize(
    ("row", "problem"),
    [((None, ["a"]), "no user"), (("u", None), "no list of items"), (("u", ["a", None]), "an item that is missing")],
)
def test_a_bad_row_is_named(tmp_path: Path, row: tuple[object, object], problem: str) -> None:
    path = write(tmp_path / "h.parquet", [*HISTORIES, row], row_group_size=3)
    with pytest.raises(DataError, match=rf"h\.parquet: row 4: has {problem}"):
        read(path)


def test_files_that_are_missing_damaged_or_changed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing: no \.parquet file is there"):
        pieces_of(tmp_path / "nothing")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"torn\.parquet: cannot be read as Parquet"):
        is_table(tmp_path / "torn.parquet")
    path = write(tmp_path / "h.parquet", HISTORIES)
    (piece,) = pieces_of(path)
    write(path, HISTORIES[1:])
    with pytest.raises(DataError, match="changed while it was read"):
        list(read_piece(piece))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        list(read_piece(piece))
