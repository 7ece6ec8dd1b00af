"""Reading safetensors files, of checkpoints and states, and checking whether one was changed."""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fearec_cli.errors import DamagedError


def read_tensors(path: Path, *, what: str, remedy: str = "") -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a file.

    Args:
        path: the file.
        what: what it should be, for the message.
        remedy: what to do if it is not, for the message.

    Raises:
        DamagedError: it is missing, cut short or no safetensors file.
    """
    with _opened(path, what, remedy) as file:
        return file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def read_metadata(path: Path, *, what: str) -> dict[str, str]:
    """Metadata of a file alone; otherwise as `read_tensors`."""
    with _opened(path, what) as file:
        metadata: dict[str, str] = file.metadata() or {}
        return metadata


def part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def checksum(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """CRC-32 over the names and contents of a file, which shows whether it was changed since.

    Args:
        metadata: its texts.
        tensors: its arrays, on the CPU.
    """
    total = 0
    for name in sorted(metadata):
        total = zlib.crc32(f"{name}={metadata[name]}\n".encode(), total)
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, total)
    return f"{total:08x}"


@contextmanager
def _opened(path: Path, what: str, remedy: str = "") -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        advice = f"; {remedy}" if remedy else ""
        raise DamagedError(f"{path}: is not a complete {what} ({error}){advice}") from error
