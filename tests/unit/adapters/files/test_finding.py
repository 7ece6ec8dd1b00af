"""What of a place is read, and what is refused before a byte of it is."""

import bz2
import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fearec_adapters.files import file as text_file
from fearec_adapters.formats.csv import Csv, CsvOptions
from fearec_adapters.formats.jsonl import JsonLines
from fearec_adapters.formats.recbole import RecBole, RecBoleOptions
from fearec_adapters.reading import blocks
from fearec_adapters.reading.columns import TextColumnOptions
from fearec_cli.errors import DataError

ROWS = "user,item,timestamp\nu,a,1500000000\n"


def test_hidden_and_temporary_files_and_packed_twins_are_passed_over(tmp_path: Path) -> None:
    for name in ("a.csv", ".ipynb_checkpoints/a.csv", "._a.csv", "_temporary/0/a.csv", "~a.csv", "in/b.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(ROWS)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    log = Csv(CsvOptions()).read(tmp_path)
    assert log.frame.collect().height == 3
    assert log.notes["files"] == "3: a.csv, c.csv.gz, b.csv"
    assert Csv(CsvOptions()).read(tmp_path / "*.csv*").notes["files"].startswith("3: a.csv, c.csv.gz")


def test_pipes_and_devices_are_refused_by_their_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"pipe: is a pipe; a log is read more than once, so write it to a file first"):
        Csv(CsvOptions()).read(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"/dev/zero: is a device"):
        Csv(CsvOptions()).read(Path("/dev/zero"))


def test_a_line_without_an_end_is_not_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_file, "LONGEST_LINE", 100)
    (tmp_path / "a.jsonl").write_text("{" * 101)
    with pytest.raises(DataError, match=r"a\.jsonl, line 1: is longer than 100 bytes; is this a text file\?"):
        JsonLines(TextColumnOptions()).read(tmp_path / "a.jsonl")


def test_values_in_messages_are_cut(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS + f"u,a,{'x' * 10_000}\n")
    with pytest.raises(DataError, match=r"line 3: .*\(10,000 characters\)") as caught:
        Csv(CsvOptions()).read(tmp_path / "a.csv").frame.collect()
    assert len(str(caught.value)) < 500


def test_a_blank_in_the_header_is_not_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user, item, timestamp\nu,a,1500000000\n")
    assert Csv(CsvOptions()).read(tmp_path / "a.csv").frame.collect().rows() == [("u", "a", 1_500_000_000_000_000)]


def test_a_name_that_is_not_utf8_is_recorded_with_a_replacement(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    file.write_text(ROWS)
    assert Csv(CsvOptions()).read(file).source.location == "caf\ufffd.csv"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2010/01/16 17:17:33", 1263662253),
        ("2010-01-16 17:17:33 UTC", 1263662253),
        ("Sat Jan 16 17:17:33 +0000 2010", 1263662253),
        ('"Sat, 16 Jan 2010 18:17:33 +0100"', 1263662253),
        ('"Jan 16, 2010"', 1263600000),
        ("16 Jan 2010", 1263600000),
        ("20100116", 1263600000),
    ],
)
def test_forms_that_mean_one_time_only_are_recognised(tmp_path: Path, text: str, seconds: int) -> None:
    (tmp_path / "a.csv").write_text(f"user,item,timestamp\nu,a,{text}\n")
    assert Csv(CsvOptions()).read(tmp_path / "a.csv").frame.collect()["timestamp"].to_list() == [seconds * 1_000_000]


def test_a_form_that_may_mean_two_times_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user,item,timestamp\nu,a,01/02/2010\n")
    with pytest.raises(
        DataError, match=r"line 2: .*can be read in more than one way; say which by --set 'csv.time_format=%d/%m/%Y' or"
    ):
        Csv(CsvOptions()).read(tmp_path / "a.csv").frame.collect()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user_id:token,item_id:token\nu,a\n", "its first line has no tab"),
        ("user_id:token\titem_id:token_seq\nu\ta b\n", "item_id is of type token_seq; an id is a token"),
    ],
)
def test_recbole_files_that_are_not_what_is_read(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.inter").write_text(content)
    with pytest.raises(DataError, match=message):
        RecBole(RecBoleOptions()).read(tmp_path / "a.inter")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_file_is_read_whatever_its_name(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "a.csv").write_bytes(pack(ROWS.encode()))
    assert Csv(CsvOptions()).read(tmp_path / "a.csv").frame.collect().height == 1


def test_archives_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(ROWS)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "a.csv", "a.csv")
    with pytest.raises(DataError, match=r"a\.tar\.gz: is a tar archive; unpack it"):
        Csv(CsvOptions()).read(tmp_path / "a.tar.gz")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as members:
        members.writestr("a.csv", ROWS)
    (tmp_path / "b.csv").write_bytes(packed.getvalue())
    assert Csv(CsvOptions()).read(tmp_path / "b.csv").frame.collect().height == 1


@pytest.mark.parametrize(
    ("text", "message"), [("x", "line 1: is longer than 20 bytes"), ('"', "a field in quotes does not end")]
)
def test_a_record_without_an_end_is_not_blamed_on_quotes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.setattr(blocks, "_BLOCK", 10)
    monkeypatch.setattr(blocks, "LONGEST_LINE", 20)
    (tmp_path / "a.csv").write_text(text + "y" * 1000)
    with pytest.raises(DataError, match=message):
        Csv(CsvOptions()).read(tmp_path / "a.csv")
