"""The record of a run: one JSON line an epoch in metrics.jsonl."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fearec_cli.errors import OutputError
from fearec_cli.evaluation.ranks import RankProtocol


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
