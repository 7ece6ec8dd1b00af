"""Checkpoints of the Hugging Face Hub: where hub:OWNER/NAME[@REVISION] lies once it is fetched."""

import re
from pathlib import Path

from fearec_cli.errors import ConfigError
from fearec_cli.system.hub import fetch_from_hub

# The name of the checkpoint in a model's repository.
FILE = "model.safetensors"
_HUB = "hub:"
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_PLACE = re.compile(rf"({REPOSITORY.pattern})(?:@(.+))?", re.ASCII)


def on_hub(path: Path) -> bool:
    """Whether a checkpoint is named by its place on the Hub."""
    return str(path).startswith(_HUB)


def located(path: Path) -> Path:
    """The local file of a checkpoint, fetched from the Hub where it is named by its place there.

    Raises:
        ConfigError: it does not name a repository.
        CheckpointError: it cannot be had; says why and what to do next.
    """
    if not on_hub(path):
        return path
    match = _PLACE.fullmatch(str(path).removeprefix(_HUB))
    if match is None:
        raise ConfigError([f"{path}: names no model of the Hub; write hub:OWNER/NAME or hub:OWNER/NAME@REVISION"])
    return fetch_from_hub(match[1], FILE, match[2] or "main", "model").file
