"""The record of a run: one JSON line an epoch in metrics.jsonl."""

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from fearec_cli.errors import OutputError
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.system.atomic import atomic_file
from fearec_cli.system.parsing import parse_json


@dataclass(frozen=True)
class EpochRecord:
    """What is kept of an epoch.

    Attributes:
        epoch: from 1.
        step: steps done in all.
        seconds: of training so far, validation left out.
        prefixes_per_second: of this epoch's training.
        loss: mean of the objective over the epoch's steps.
        terms: mean of each term before its weight.
        valid: validation metrics by protocol.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)

    epoch: int
    step: int
    seconds: float
    prefixes_per_second: float
    loss: float
    terms: Mapping[str, float]
    valid: Mapping[RankProtocol, Mapping[str, float]]


def append_record(path: Path, record: EpochRecord) -> None:
    """Add a line to metrics.jsonl.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


_RECORD = TypeAdapter(EpochRecord)


def drop_records_after(path: Path, step: int) -> None:
    """Remove the lines of metrics.jsonl that an interrupted run wrote after its last saved state.

    Raises:
        OutputError: it cannot be written.
    """
    if not path.is_file():
        return
    lines = _lines(path)
    kept = [line for line in lines if _step(line) <= step]
    if kept != lines:
        with atomic_file(path) as temporary:
            temporary.write_text("".join(kept), encoding="utf-8")


def _step(line: str) -> float:
    """The step of a record; infinity where the line is cut short."""
    try:
        return float(parse_json(line)["step"]) if line.endswith("\n") else math.inf
    except (ValueError, KeyError, TypeError):
        return math.inf


def _lines(path: Path) -> list[str]:
    """The lines of the file, with their ends. What is no text makes a line that is no record."""
    return path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records that metrics.jsonl holds whole, one an epoch; none where there is no such file."""
    if not path.is_file():
        return []
    found = []
    for line in _lines(path):
        if _step(line) < math.inf:
            with contextlib.suppress(ValidationError):
                found.append(asdict(_RECORD.validate_python(parse_json(line))))
    return found
