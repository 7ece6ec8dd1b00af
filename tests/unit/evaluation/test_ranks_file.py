"""Files of ranks: what is written comes back, and nothing else is taken for one."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.data.splits import HeldOut
from fearec_cli.errors import DataError, OutputError
from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.header import Header
from fearec_cli.evaluation.ranks import MISS
from fearec_cli.evaluation.ranks_file import check_ranks_place, read_ranks, write_ranks
from support import tiny

DATA = tiny.prepared([[1, 2, 3], [2, 4, 4, 2], [5, 1, 5]], 6)
RANKS = {"unmasked": np.array([1, 6, 3]), "seen-masked": np.array([1, MISS, MISS])}


def write(path: Path, held_out: HeldOut = DATA.split.test, ranks=RANKS) -> Header:
    evaluation = Evaluation(held_out, ranks)
    header = Header.of(DATA, held_out, evaluation.repeated, tiny.scored())
    write_ranks(path, header, DATA, evaluation)
    return header


def test_a_row_a_target(tmp_path: Path) -> None:
    write(tmp_path / "ranks.parquet")
    assert pl.read_parquet(tmp_path / "ranks.parquet").rows() == [
        ("u0", "i3", "test", 1, 1, False, 2),
        ("u1", "i2", "test", 6, None, True, 3),
        ("u2", "i5", "test", 3, None, True, 2),
    ]


@given(st.lists(st.tuples(st.integers(1, 6), st.one_of(st.none(), st.integers(1, 6))), min_size=3, max_size=3))
def test_what_is_written_comes_back(tmp_path_factory: pytest.TempPathFactory, pairs) -> None:
    path = tmp_path_factory.mktemp("ranks") / "ranks.parquet"
    unmasked, masked = zip(*pairs, strict=True)
    ranks = {
        "unmasked": np.array(unmasked),
        "seen-masked": np.array([MISS if rank is None else rank for rank in masked]),
    }
    header = write(path, ranks=ranks)
    saved = read_ranks(path)
    assert saved.header == header
    assert (saved.users.to_list(), saved.items.to_list()) == (["u0", "u1", "u2"], ["i3", "i2", "i5"])
    assert saved.history.tolist() == [2, 3, 2]
    assert saved.repeated.tolist() == [rank is None for rank in masked]
    for protocol, values in ranks.items():
        assert saved.ranks[protocol].tolist() == values.tolist()


def test_the_part_is_named(tmp_path: Path) -> None:
    write(tmp_path / "ranks.parquet", DATA.split.valid)
    assert read_ranks(tmp_path / "ranks.parquet").header.split == "valid"
    assert set(pl.read_parquet(tmp_path / "ranks.parquet")["part"]) == {"valid"}


def changed(path: Path, *columns: pl.Expr, drop: int = 0, **metadata: str) -> None:
    """Write the file with other columns or metadata."""
    write(path)
    old = {name.replace("fearec.", ""): text for name, text in pl.read_parquet_metadata(path).items()}
    frame = pl.read_parquet(path).with_columns(*columns)
    kept = {f"fearec.{name}": text for name, text in {**old, **metadata}.items() if name in ("ranks", "header")}
    frame.head(len(frame) - drop).write_parquet(path, metadata=kept)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ranks": "x"}, "is a Parquet file, but not one of ranks"),
        ({"ranks": "9" * 5000}, "is a Parquet file, but not one of ranks"),
        ({"ranks": "2"}, "has format 2, and this program reads up to 1; upgrade fearec"),
        ({"header": "{}"}, r"its description is damaged \(dataset: Field required\)"),
        ({"header": "{"}, r"its description is damaged \(: Invalid JSON"),
        ({"drop": 1}, "has 2 rows, and its description names 3 targets"),
        ([pl.col("unmasked").cast(pl.Float64)], r"its columns are not user \(String\), "),
        ([pl.lit(0, pl.Int64).alias("unmasked")], "a rank under unmasked lies outside 1 to 6"),
        ([pl.lit(7, pl.Int64).alias("unmasked")], "a rank under unmasked lies outside 1 to 6"),
        ([pl.lit(None, pl.Int64).alias("unmasked")], "a value is missing"),
        ([pl.lit(True).alias("repeated")], "are not those that are repeated"),
        ([pl.lit("u").alias("user"), pl.lit(2, pl.Int64).alias("history")], "a target appears twice"),
    ],
)
def test_what_is_no_file_of_ranks_is_refused(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "ranks.parquet"
    columns, more = ((), change) if isinstance(change, dict) else (change, {})
    changed(path, *columns, **more)
    with pytest.raises(DataError, match=message) as error:
        read_ranks(path)
    assert str(error.value).startswith(f"{path}: ")


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file of ranks; write it again: fearec evaluate"):
        read_ranks(tmp_path / "ranks.parquet")
    (tmp_path / "text").write_text("user,item\n")
    with pytest.raises(DataError, match="is damaged or not a Parquet file"):
        read_ranks(tmp_path / "text")


def test_what_is_not_ours_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ranks.parquet"
    check_ranks_place(path)
    write(path)
    check_ranks_place(path)
    pl.DataFrame({"mine": [1]}).write_parquet(path)
    with pytest.raises(OutputError, match="holds something that fearec did not write"):
        check_ranks_place(path)
    with pytest.raises(OutputError, match="not for a terminal; name a file"):
        check_ranks_place(Path("-"))
