"""The directory of a run: what lies where, and whose it is."""

from pathlib import Path

from fearec_cli.errors import OutputError

RUN_FILE = "run.toml"
BEST_FILE = "best.safetensors"
RECORD_FILE = "metrics.jsonl"
STATE_FILE = Path("last") / "state.safetensors"


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
