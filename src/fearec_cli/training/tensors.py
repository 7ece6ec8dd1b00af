"""Reading a safetensors file whole, for checkpoints and states alike."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from fearec_cli.errors import CheckpointError


def read_tensors(path: Path, *, what: str, remedy: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a file.

    Args:
        path: the file.
        what: what it should be, for the message.
        remedy: what to do if it is not.

    Raises:
        CheckpointError: it is missing, cut short or no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: is no whole {what} ({error}); {remedy}") from error


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
