"""Records sent to trackers are those of metrics.jsonl."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
import wandb.proto.wandb_internal_pb2 as protocol
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fearec_cli.runs import trackers
from support.commands import TINY, agree, contents, done, fearec, records, refused

RUN = (*TINY, "--preset", "sasrec", "--epochs", "2", "--out", "runs/b")


def expected() -> list[tuple[int, float, float, float]]:
    """Step, loss, ce and NDCG@10 of each record."""
    return [
        (line["step"], line["loss"], line["terms"]["ce"], line["valid"]["seen-masked"]["NDCG@10"])
        for line in records(Path("runs/b"))
    ]


def logged(content: bytes) -> Iterator[bytes]:
    """The records of a .wandb file: 7 bytes, then LevelDB's log format in blocks of 32 KiB."""
    at, record = 7, b""
    while at + 7 <= len(content):
        if (left := 32768 - at % 32768) < 7:  # a block's end that holds no header
            at += left
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)
        record += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


NAMES = ("loss", "terms/ce", "valid/seen-masked/NDCG@10")


def events() -> EventAccumulator:
    """What the run sent to TensorBoard."""
    found = EventAccumulator("runs/b/tensorboard")
    found.Reload()
    return found


def check_events(many: int) -> None:
    """What the run sent to TensorBoard is what it recorded, of so many epochs."""
    sent = events()
    series = [sent.Scalars(name) for name in NAMES]
    found = [(points[0].step, *(point.value for point in points)) for points in zip(*series, strict=True)]
    assert len(found) == many
    for one, other in zip(found, expected(), strict=True):
        assert one == pytest.approx(other)  # its numbers are float32


def test_tensorboard(toy: Path) -> None:
    done("train", toy, *RUN, "--track", "tensorboard")
    check_events(2)


def test_a_run_that_goes_on_is_tracked_further(toy: Path) -> None:
    done("train", toy, *RUN, "--track", "tensorboard")
    done("train", "--resume", "--out", "runs/b", "--epochs", "3")
    check_events(3)
    done("train", toy, *RUN[:-4], "--epochs", "4", "--resume", *RUN[-2:])  # its preset named, the tracker not
    check_events(4)
    done("train", "--resume", "--out", "runs/b", "--epochs", "5", "--track", "none")
    assert len(records(Path("runs/b"))) == 5
    assert len(events().Scalars("loss")) == 4


def test_weights_and_biases_offline(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert fearec("train", toy, *RUN, "--track", "wandb").code == 0
    (file,) = Path("runs/b/wandb").glob("offline-run-*/*.wandb")
    found = []
    for data in logged(file.read_bytes()):
        record = protocol.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "history":
            values = {item.key or "/".join(item.nested_key): item.value_json for item in record.history.item}
            found.append((int(values["_step"]), *(float(values[name]) for name in NAMES)))
    assert found == expected()


def test_a_tracker_that_is_not_installed(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    result = fearec("train", toy, *RUN, "--track", "wandb")
    message = "error: training.track = wandb: needs a package that is not here: pip install 'fearec[track]'\n"
    assert (result.code, result.err) == (2, message)
    assert contents(Path("runs")) == {}


def test_a_tracker_that_nobody_knows(toy: Path) -> None:
    agree(
        refused("train", toy, *RUN, "--track", "tensorbord"),
        "^--track: must be 'none', 'tensorboard' or 'wandb', not \"tensorbord\"",
    )


def test_a_tracker_that_cannot_start(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_options: object) -> None:
        raise wandb.errors.UsageError("No API key configured.\nUse `wandb login`")

    monkeypatch.setattr(wandb, "init", init)
    result = fearec("train", toy, *RUN, "--track", "wandb")
    message = "error: training.track = wandb: cannot start: No API key configured. Use `wandb login`\n"
    assert (result.code, result.err) == (2, message)
    assert contents(Path("runs")) == {}
