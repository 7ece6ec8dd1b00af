"""The directory of a run: what lies where, and whose it is."""

import re
from pathlib import Path

from fearec_cli.errors import OutputError

RUN_FILE = "run.toml"
BEST_FILE = "best.safetensors"
RECORD_FILE = "metrics.jsonl"
STATES = Path("last")
_STATE = re.compile(r"state-([0-9]+)\.safetensors")


def new_run_directory(root: Path, name: str) -> Path:
    """A directory for a run under `root` that does not exist yet: `name`, `name-2`, `name-3`, ..."""
    number = 1
    while (directory := root / (name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return directory


def claim_run_directory(directory: Path) -> None:
    """Refuse to train over another run.

    Raises:
        OutputError: something stands in the directory.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise OutputError(
            f"{directory}: is not empty; choose another --out, continue the run there with --resume, or remove it"
        )


def state_file(directory: Path, step: int) -> Path:
    """Where a run leaves its state of a step."""
    return directory / STATES / f"state-{step}.safetensors"


def state_files(directory: Path) -> dict[int, Path]:
    """The states that a run has left, by their steps, the latest first."""
    found = {
        int(match[1]): path
        for path in (directory / STATES).glob("state-*.safetensors")
        if (match := _STATE.fullmatch(path.name))
    }
    return dict(sorted(found.items(), reverse=True))
