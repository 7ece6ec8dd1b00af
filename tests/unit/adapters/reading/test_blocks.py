"""Texts in blocks of whole records: the same rows and the same lines however small the blocks are."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_adapters.files.file import File
from fearec_adapters.formats.csv import Csv, CsvOptions
from fearec_adapters.formats.tsv import Tsv
from fearec_adapters.reading import blocks, delimited
from fearec_adapters.reading.blocks import read_blocks
from fearec_adapters.reading.columns import TableOptions
from fearec_cli.errors import DataError

Field = st.text(st.sampled_from('ab\u00e9\U0001f600 ,"\n\r\t'), min_size=1, max_size=4).filter(str.strip)
Rows = st.lists(st.tuples(Field, Field, st.integers(0, 9)), min_size=1, max_size=12)


@pytest.fixture(autouse=True, scope="module", params=[1, 5, 40])
def size(request: pytest.FixtureRequest) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "_BLOCK", request.param)
        yield request.param


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("blocks") / "a.csv"


@given(rows=Rows, ending=st.sampled_from(["\n", "\r\n"]))
def test_quoted_rows(file: Path, rows: list[tuple[str, str, int]], ending: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerow(["user", "item", "timestamp"])
    writer.writerows(rows)
    file.write_bytes(text.getvalue().encode())
    found = Csv(CsvOptions()).read(file).frame.collect().rows()
    assert found == [(user, item, time * 1_000_000) for user, item, time in rows]


@given(rows=st.lists(st.tuples(st.text('a"\u00e9', min_size=1), st.text('b"\U0001f600', min_size=1)), min_size=1))
def test_rows_without_quotes(file: Path, rows: list[tuple[str, str]]) -> None:
    file.write_text("".join(f"{user}\t{item}\n" for user, item in rows), encoding="utf-8")
    log = Tsv(TableOptions(header=False, user=1, item=2, time="")).read(file)
    assert log.frame.collect().rows() == rows


@given(st.lists(st.sampled_from(["", "", "x,y", '"a\nb",c', '"q""q",d'])))
def test_blocks_are_the_file_and_know_their_lines(file: Path, records: list[str]) -> None:
    data = "".join(f"{record}\n" for record in records).encode()
    file.write_bytes(b"\xef\xbb\xbf" + data)
    blocks = list(read_blocks(File.of(file, "csv"), ",", quoted=True))
    lines = data.split(b"\n")
    for block in blocks:
        size = block.data.count(b"\n")
        assert block.data == b"\n".join(lines[block.line - 1 : block.line - 1 + size]) + b"\n"
    assert b"".join(block.data for block in blocks).replace(b"\n", b"") == data.replace(b"\n", b"")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('user,item,timestamp\n"u\nv",a,1\n\nu,a,x\n', r"line 5: the timestamp .* 'x' is not a number"),
        ('user,item,timestamp\n"u\nv",a,1\n\nu,a,1,1\n', r"line 5: has 4 fields, and the first line 3"),
        ('user,item,timestamp\nu,a,1\n"u,a,1\nu,a,2\n', r"line 3.* cannot be read as a table .*; look for a quotation"),
        ("user,item,timestamp\r\nu,a,1\r\nu,caf\u00e9,1\r\n", r"line 3: is not UTF-8"),
    ],
)
def test_a_bad_row_is_named(file: Path, content: str, message: str) -> None:
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        Csv(CsvOptions()).read(file).frame.collect()


def test_a_quote_without_its_partner_does_not_fill_the_memory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LONGEST_LINE", 100)
    file.write_text("user,item,timestamp\n" + "u,a,1\n" * 9 + '"u,a,1\n' + "u,a,1\n" * 99)
    with pytest.raises(
        DataError, match=r"line \d+: (a field in quotes does not end|is longer than 100 bytes|has 3 fields)"
    ):
        Csv(CsvOptions()).read(file).frame.collect()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a," * 11 + "\n", r"line 1: has 12 fields, and a table at most 10 columns"),
        ("user,item,timestamp\nu,a,1\nu,b,2\n" + "," * 50 + "\nu,c,3\n", r"line 4: has more than 50 fields"),
        ("user,item,timestamp\nu,a,1\n" + "," * 50, r"line 3: has more than 50 fields"),
    ],
)
def test_fields_without_number_do_not_fill_the_memory(
    file: Path, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    monkeypatch.setattr(delimited, "_MOST_COLUMNS", 10)
    monkeypatch.setattr(delimited, "_MOST_FIELDS", 50)
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        Csv(CsvOptions()).read(file).frame.collect()


@given(st.lists(st.integers(0, 12)), st.integers(1, 10))
def test_the_first_line_with_too_many_fields_is_found(commas: list[int], most: int) -> None:
    block = blocks.Block(b"\n".join(b"," * n for n in commas), 1, ",", True)
    expected = next((line for line, n in enumerate(commas, 1) if n >= most), None)
    assert block.first_line_of(most) == expected
