"""The record of a run: a line an epoch, exact, and taken back where the state was not saved."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.errors import OutputError
from fearec_cli.runs.records import EpochRecord, append_record, drop_records_after

VALID = {"unmasked": {"HR@10": 0.1 + 0.2}, "seen-masked": {"HR@10": 1 / 3}}


def record(step: int) -> EpochRecord:
    return EpochRecord(
        epoch=step // 10,
        step=step,
        seconds=1.5,
        prefixes_per_second=100.0,
        loss=0.7,
        terms={"ce": 0.7},
        valid=VALID,
    )


def written(path: Path, steps: list[int]) -> Path:
    path.write_text("")
    for step in steps:
        append_record(path, record(step))
    return path


def test_a_line_for_each_epoch_with_every_digit(tmp_path: Path) -> None:
    lines = written(tmp_path / "metrics.jsonl", [10, 20]).read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [10, 20]
    assert json.loads(lines[0]) == {
        "epoch": 1,
        "step": 10,
        "seconds": 1.5,
        "prefixes_per_second": 100.0,
        "loss": 0.7,
        "terms": {"ce": 0.7},
        "valid": VALID,
    }


def test_a_record_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        append_record(tmp_path, record(1))


@given(st.lists(st.integers(1, 50), unique=True).map(sorted), st.integers(0, 60))
def test_lines_after_a_step_are_dropped(tmp_path_factory, steps: list[int], step: int) -> None:
    path = written(tmp_path_factory.mktemp("run") / "metrics.jsonl", steps)
    before = path.read_text().splitlines(keepends=True)
    drop_records_after(path, step)
    kept = len([one for one in steps if one <= step])
    assert path.read_text() == "".join(before[:kept])


@pytest.mark.parametrize(
    "rest", ['{"epoch": 2, "st', '{"epoch": 2, "step": 1}', "[]\n", "nonsense\n", '{"step": null}\n']
)
def test_a_line_that_is_cut_short_is_dropped(tmp_path: Path, rest: str) -> None:
    path = written(tmp_path / "metrics.jsonl", [10])
    whole = path.read_text()
    path.write_text(whole + rest)
    drop_records_after(path, 10)
    assert path.read_text() == whole


def test_without_a_record_nothing_is_dropped(tmp_path: Path) -> None:
    drop_records_after(tmp_path / "metrics.jsonl", 3)
    assert list(tmp_path.iterdir()) == []
