"""Rows as they are asked for: conditions, incomplete ones, two columns of time, whole ids, encodings, forms."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from fearec_adapters.formats.csv import Csv, CsvOptions
from fearec_adapters.formats.jsonl import JsonLines
from fearec_adapters.formats.parquet import Parquet
from fearec_adapters.formats.tsv import Tsv
from fearec_adapters.reading.columns import ColumnOptions, TableOptions, TextColumnOptions
from fearec_cli.api import Log
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.errors import ConfigError, DataError

EVENTS = """user,item,timestamp,event,price,note
u,a,1500000000,view,5,x
u,b,1500000001,buy,5.0,"a, b"
u,c,1500000002,cart,12.5,
u,d,1500000003,view,,NA
"""


def log_of(tmp_path: Path, text: str, **options: Any) -> Log:
    file = tmp_path / "a.csv"
    file.write_bytes(text.encode(options.get("encoding", "utf-8")))
    return Csv(CsvOptions(**options)).read(file)


def items(log: Log) -> list[str]:
    return log.frame.collect()["item"].to_list()


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("event = view", "ad"),
        ("event != view", "bc"),
        ("event in view,cart", "acd"),
        ("event not in view, buy", "c"),
        ("price = 5", "ab"),
        ("price >= 5.0", "abc"),
        ("price<12.5", "ab"),
        ("price > 1e1", "c"),
        ("price != 5", "cd"),
        ('note in "a, b",x', "ab"),
        ('"note" = "a, b"', "b"),
        ("timestamp <= 1500000001", "ab"),
    ],
)
def test_conditions(tmp_path: Path, condition: str, kept: str) -> None:
    log = log_of(tmp_path, EVENTS, where=condition)
    assert items(log) == list(kept)
    assert log.tally.left_out == {f"where {condition}": 4 - len(kept)}
    assert items(log) == list(kept)  # and once more, counted anew
    assert sum(log.tally.left_out.values()) == 4 - len(kept)


def test_conditions_hold_together_and_are_recorded(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        EVENTS * 1 + "u,e,1500000004,view,9,\nu,f,1500000005,view,9,\nu,g,1500000006,view,9,\n"
    )
    prepared, _ = prepare_source(
        "csv",
        path=tmp_path / "a.csv",
        out=tmp_path / "out",
        options={"where": ["event = view", "price >= 5"]},
        settings={"k_core": 0},
    )
    assert prepared.item_ids() == list("aefg")
    assert prepared.manifest.source.options["where"] == ["event = view", "price >= 5"]
    kept = prepared.manifest.kept
    assert (kept["in the source"], kept["where event = view"], kept["where price >= 5"]) == (7, 5, 4)


@pytest.mark.parametrize("condition", ["", "event", "= view", "event =", "event in", "event in a,,b", "event ~ x"])
def test_what_is_not_a_condition_is_named(tmp_path: Path, condition: str) -> None:
    with pytest.raises(DataError, match=r"csv\.where: .*; write COLUMN = VALUE"):
        log_of(tmp_path, EVENTS, where=condition)


def test_conditions_of_numbers_need_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'<' compares numbers, and 'x' is none"):
        log_of(tmp_path, EVENTS, where="price < x")
    with pytest.raises(DataError, match=r"a\.csv, line 2: column 'event' has 'view', which is not a number"):
        items(log_of(tmp_path, EVENTS, where="event < 5"))
    with pytest.raises(DataError, match=r"has no column 'kind' \(csv\.where\)"):
        log_of(tmp_path, EVENTS, where="kind = view")


def test_conditions_in_every_format(tmp_path: Path) -> None:
    rows = [{"user": "u", "item": item, "timestamp": 1500000000, "ok": item == "a"} for item in "ab"]
    frame = pl.DataFrame(rows)
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ndjson(tmp_path / "a.jsonl")
    (tmp_path / "a.tsv").write_text("u\ta\t1500000000\ttrue\nu\tb\t1500000000\tfalse\n")
    logs = [
        Parquet(ColumnOptions(where=("ok = true",))).read(tmp_path / "a.parquet"),
        JsonLines(TextColumnOptions(where=("ok = true",))).read(tmp_path / "a.jsonl"),
        Tsv(TableOptions(header=False, user=1, item=2, time=3, where=("4 = true",))).read(tmp_path / "a.tsv"),
    ]
    assert [items(log) for log in logs] == [["a"]] * 3


def test_incomplete_rows_are_an_error_or_counted_and_named(tmp_path: Path) -> None:
    text = "user,item,timestamp\nu,a,1500000000\n,b,1500000001\nu,,1500000002\nu,d,\\N\nu,e,NaN\nu,f,1500000005\n"
    with pytest.raises(DataError, match=r"line 3: the user .* is missing; --skip-incomplete leaves such rows out"):
        items(log_of(tmp_path, text))
    log = log_of(tmp_path, text, skip_incomplete=True)
    assert items(log) == ["a", "f"]
    assert log.tally.left_out == {"complete": 4}
    first = "left out: a.csv, line 3 (no user); a.csv, line 4 (no item); a.csv, line 5 (no timestamp)"
    assert log.tally.notes == {"incomplete": first}
    with pytest.raises(DataError, match=r"line 8: the timestamp .*'x' is not a number"):
        items(log_of(tmp_path, text + "u,g,x\n", skip_incomplete=True))


@pytest.mark.parametrize(
    ("lines", "options", "seconds"),
    [
        (["Sun Jan 17 06:13:28 -0800 2010"], {}, 1263737608),
        (["16.01.2010 17:17"], {}, 1263662220),
        (["1/17/2010 8:24:30 AM", "11/11/2019 9:05:58 PM"], {}, 1263716670),
        (["01/02/2010"], {"time_format": "%d/%m/%Y"}, 1264982400),
        (["01/02/2010"], {"time_format": "%m/%d/%Y"}, 1262390400),
        (["2010-01-16 17:17"], {"time_zone": "Europe/Berlin"}, 1263658620),
        (["2010-01-16T17:17:33Z"], {"time_zone": "Europe/Berlin"}, 1263662253),
        (["20100116"], {}, 1263600000),
        (["20100116171733"], {}, 1263662253),
        (["2010011617"], {"time_format": "%Y%m%d%H"}, 1263661200),
        (["16Jan10"], {"time_format": "%d%b%y"}, 1263600000),
    ],
)
def test_forms_of_times(tmp_path: Path, lines: list[str], options: dict[str, Any], seconds: int) -> None:
    text = "user,item,timestamp\n" + "".join(f"u,a,{line}\n" for line in lines)
    assert log_of(tmp_path, text, **options).frame.collect()["timestamp"][0] == seconds * 1_000_000


def test_a_form_decided_by_a_later_row_is_read(tmp_path: Path) -> None:
    log = log_of(tmp_path, "user,item,timestamp\nu,a,01/02/2010\nu,b,16/02/2010\n")
    assert log.frame.collect()["timestamp"].to_list() == [1264982400_000_000, 1266278400_000_000]
    assert log.notes["times"] == "read as %d/%m/%Y (recognised by its form), UTC"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time_format": "%d.%m."}, "has no year"),
        ({"time_format": "%Y", "unit": "s"}, "say the same in two ways"),
        ({"time_zone": "Europe/Atlantis"}, "is not a zone of the tz database"),
        ({"encoding": "rot13"}, "is not an encoding"),
    ],
)
def test_options_that_cannot_be_used(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CsvOptions(**options)


def test_a_time_of_day_in_a_column_of_its_own(tmp_path: Path) -> None:
    text = "user,item,date,time\nu,a,2010-01-16,17:17:33\nu,b,2010-01-16,08:00:00\n"
    log = log_of(tmp_path, text, time=("date", "time"))
    assert log.frame.collect()["timestamp"].to_list() == [1263662253_000_000, 1263628800_000_000]
    assert log.notes["columns"].endswith("timestamp = date and time")


def test_a_second_column_of_numbers_orders_equal_times(tmp_path: Path) -> None:
    text = "user,item,date,slot\n" + "".join(
        f"u,{item},{date},{slot}\n"
        for item, date, slot in [("c", "2010-01-16", 10), ("b", "2010-01-16", 9), ("a", "2010-01-15", 70)]
    )
    (tmp_path / "a.csv").write_text(text * 1 + "u,d,2010-01-17,0\n")
    options = {"time": ["date", "slot"]}
    prepared, _ = prepare_source(
        "csv", path=tmp_path / "a.csv", out=tmp_path / "o", options=options, settings={"k_core": 0}
    )
    assert prepared.item_ids() == list("abcd")
    assert prepared.manifest.counts.first == "2010-01-15T00:00:00Z"


def test_counts_order_and_claim_no_period(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item,timestamp\nu,d,126\nu,c,40.5\nu,b,40\nu,a,1\n")
    log = Csv(CsvOptions()).read(tmp_path / "a.csv")
    assert "all before 1973: if they are counts, add --set csv.unit=order" in log.notes["times"]
    prepared, _ = prepare_source(
        "csv", path=tmp_path / "a.csv", out=tmp_path / "o", options={"unit": "order"}, settings={"k_core": 0}
    )
    assert prepared.item_ids() == list("abcd")
    assert prepared.manifest.counts.first is None


@pytest.mark.parametrize("times", ["", "timestamp"])
def test_a_source_that_is_newest_first(tmp_path: Path, times: str) -> None:
    (tmp_path / "a.csv").write_text("user,item,timestamp\n" + "".join(f"u,{item},1500000000\n" for item in "dcba"))
    prepared, _ = prepare_source(
        "csv",
        path=tmp_path / "a.csv",
        out=tmp_path / "o",
        options={"time": times},
        settings={"k_core": 0, "order": "newest-first"},
    )
    assert prepared.item_ids() == list("abcd")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("kind", [Csv, JsonLines])
def test_encodings(tmp_path: Path, encoding: str, kind: Callable[..., Any]) -> None:
    if kind is Csv:
        log = log_of(tmp_path, "user,item,timestamp\nu,caf\u00e9,1500000000\n", encoding=encoding)
    else:
        file = tmp_path / "a.jsonl"
        file.write_bytes('{"user": "u", "item": "caf\u00e9", "timestamp": 1500000000}\n'.encode(encoding))
        log = JsonLines(TextColumnOptions(encoding=encoding)).read(file)
    assert items(log) == ["caf\u00e9"]


def test_another_encoding_than_the_file_has_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("user,item,timestamp\nu,a,1500000000\nu,caf\u00e9,1500000001\n".encode("latin-1"))
    with pytest.raises(
        DataError, match=r"line 3: is not UTF-8 text; give its encoding, as in --set csv\.encoding=latin"
    ):
        items(Csv(CsvOptions()).read(file))
    with pytest.raises(DataError, match=r"line 3: is not ascii text"):
        items(Csv(CsvOptions(encoding="ascii")).read(file))
    file.write_bytes("user,item\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"is UTF-16 text; add --set csv\.encoding=utf-16"):
        Csv(CsvOptions()).read(file)


def test_ids_that_are_floats(tmp_path: Path) -> None:
    frame = pl.DataFrame({"user": [0.0, 7.0], "item": [1.0, None], "timestamp": [1500000000, 1500000001]})
    frame.write_parquet(tmp_path / "a.parquet")
    log = Parquet(ColumnOptions(skip_incomplete=True)).read(tmp_path / "a.parquet")
    assert log.frame.collect().rows() == [("0", "1", 1500000000_000_000)]
    text = "user,item,timestamp\n" + "".join(f"{user},{n},15000000{n:02}\n" for user in ("5", "5.0") for n in range(4))
    (tmp_path / "a.csv").write_text(text)
    prepared, _ = prepare_source("csv", path=tmp_path / "a.csv", out=tmp_path / "o", settings={"k_core": 0})
    assert prepared.n_users == 2
    assert prepared.manifest.notes["user ids"].startswith("1 differ from another by '.0' alone")
    prepared, _ = prepare_source(
        "csv", path=tmp_path / "a.csv", out=tmp_path / "p", options={"whole_ids": True}, settings={"k_core": 0}
    )
    assert prepared.n_users == 1


def test_a_flag_and_its_option_are_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(EVENTS)
    with pytest.raises(ConfigError, match=r"csv\.where: is given twice"):
        prepare_source(
            "csv", path=tmp_path / "a.csv", options={"where": "event = view"}, assignments=["csv.where=a = b"]
        )
    with pytest.raises(ConfigError, match=r"demo\.where: there is no such option"):
        prepare_source("demo", options={"where": "event = view"})
