"""Every result below some directories: what runs recorded of validation, and what evaluations wrote as JSON.

A run is a directory with run.toml and best.safetensors. Its validation is that of the weights kept as the best. A
JSON file is a result if it is what `fearec evaluate --json` writes; in a run's directory it has that run's settings.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from fearec_cli.config import RUN_TABLE
from fearec_cli.data.split_rules import SplitRule
from fearec_cli.data.splits import SplitName
from fearec_cli.errors import ConfigError, FearecError
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.runs.checkpoint import read_info
from fearec_cli.runs.directory import BEST_FILE, RUN_FILE, STATES
from fearec_cli.system.parsing import first_fault, full_names, parse_json, parse_toml, read_bounded

SEED = "training.seed"
TRACK = "training.track"
# No collection of runs has more: the user has named the root of a disk.
_MOST_FILES = 100_000


class _Written(BaseModel):
    """What is read of a JSON result; it holds more."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    dataset: str
    fingerprint: str
    split: SplitName
    rule: SplitRule
    preset: str
    protocols: dict[RankProtocol, dict[str, float]]


@dataclass(frozen=True)
class Found:
    """A result.

    Attributes:
        path: the run's directory, or the JSON file where that lies in none.
        dataset: name of the data set.
        fingerprint: of the data set.
        rule: what holds its targets out, in words.
        part: which of the held-out parts.
        metrics: by protocol and name.
        settings: of the run, as "model.dim"; none of a JSON file that lies in no run's directory.
        preset: what such a file says of the model: the preset it is closest to, and what differs.
    """

    path: Path
    dataset: str
    fingerprint: str
    rule: str
    part: SplitName
    metrics: Mapping[RankProtocol, Mapping[str, float]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""

    @property
    def seed(self) -> int | None:
        """Of the run, where it is known."""
        return self.settings.get(SEED)

    @property
    def shared(self) -> dict[str, Any]:
        """The settings without the seed."""
        return {name: value for name, value in self.settings.items() if name != SEED}


def find_results(roots: Sequence[Path]) -> tuple[list[Found], list[str]]:
    """Every result in and below some directories; links to directories are not followed, hidden ones are passed over.

    Returns:
        The results by path, and a line for each file that looks like a result and cannot be read.

    Raises:
        ConfigError: a root is not a directory, or has more files below it than any collection of runs.
    """
    found: dict[tuple[Path, SplitName], Found] = {}
    problems: list[str] = []
    for root in roots:
        if not root.is_dir():
            raise ConfigError([f"{root}: is not a directory; name one with runs or results below it"])
        for directory, names in _walk(root):
            settings: Mapping[str, Any] = {}
            if RUN_FILE in names and BEST_FILE in names:
                try:
                    settings = run_settings(directory)
                    validated = _validated(directory, settings)
                    if validated is not None:
                        found[directory, "valid"] = validated
                except (FearecError, OSError, ValueError) as error:
                    problems.append(_problem(directory, error))
            for name in names:
                if not name.endswith(".json"):
                    continue
                try:
                    result = _read(directory / name, settings)
                except (OSError, ValueError) as error:
                    problems.append(_problem(directory / name, error))
                    continue
                if result is not None:
                    found[result.path, result.part] = result
    return [found[key] for key in sorted(found)], problems


def run_settings(directory: Path) -> dict[str, Any]:
    """Settings of the run in a directory, by their full names, but for where its records went. Components need not be
    installed.

    Raises:
        OSError: there is none.
        ValueError: it cannot be read.
    """
    table = parse_toml(read_bounded(directory / RUN_FILE))
    table.pop(RUN_TABLE, None)
    settings = full_names(table)
    settings.pop(TRACK, None)
    return settings


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    files = 0
    for place, below, names in os.walk(root):
        # What a run keeps to be resumed is not a result.
        below[:] = sorted(name for name in below if not name.startswith(".") and name != STATES.name)
        files += len(names)
        if files > _MOST_FILES:
            raise ConfigError([f"{root}: has more than {_MOST_FILES:,} files below it; name the runs' directories"])
        yield Path(place), sorted(name for name in names if not name.startswith("."))


def _validated(directory: Path, settings: Mapping[str, Any]) -> Found | None:
    """The validation of a run's best weights; None where it was stopped before one."""
    info = read_info(directory / BEST_FILE)
    if not info.metrics:
        return None
    _check_finite(info.metrics)
    return Found(directory, info.dataset, info.fingerprint, str(info.split), "valid", info.metrics, settings)


def _read(file: Path, settings: Mapping[str, Any]) -> Found | None:
    """The result that a JSON file holds, or None where it is something else.

    Raises:
        ValueError: it is a result with a part that is missing or wrong.
        OSError: it cannot be read.
    """
    content = parse_json(read_bounded(file))
    if not isinstance(content, Mapping) or not {"fingerprint", "protocols"} <= content.keys():
        return None
    if "ties" not in content:
        raise ValueError("was written by an earlier fearec, whose seen-masked is another rule; evaluate again")
    try:
        written = _Written.model_validate(content)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from None
    return Found(
        file.parent if settings else file,
        written.dataset,
        written.fingerprint,
        str(written.rule),
        written.split,
        written.protocols,
        settings,
        "" if settings else written.preset,
    )


def _check_finite(metrics: Mapping[RankProtocol, Mapping[str, float]]) -> None:
    for protocol, values in metrics.items():
        for name, number in values.items():
            if not math.isfinite(number):
                raise ValueError(f"{name} under {protocol} is not a finite number")


def _problem(path: Path, error: Exception) -> str:
    text = str(error)
    return text if text.startswith(str(path)) else f"{path}: {text}"
