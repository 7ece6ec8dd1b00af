"""Values that a file of ours never holds, put at every place of what it holds, one after another."""

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from fearec_cli.runs.safetensors_file import checksum

VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, -0.5, 10**30, 1e308, float("nan")),
    *("", "x" * 5000, "\x1b[2J", "../../x", "a\nb", "[/red]", "x; echo evil | sh #", "2020-13-45"),
    *([], [None], {}, {"a": None}),
)
Place = tuple[str | int, ...]


def mutations(content: Any, most: int | None = None) -> Iterator[tuple[Place, Any]]:
    """Where something was changed, and what became of the whole.

    Args:
        content: of JSON or TOML.
        most: so many of them, drawn once and for all; every one unless given.
    """
    chosen = [(place, value) for place in _places(content) for value in (*VALUES, *([...] if place else []))]
    if most is not None:
        chosen = random.Random(7).sample(chosen, min(most, len(chosen)))
    return ((place, _changed(content, place, value)) for place, value in chosen)


def _changed(content: Any, place: Place, value: Any) -> Any:
    """The content with a value at a place, or without what stood there where the value is `...`."""
    if not place:
        return value
    content = copy.deepcopy(content)
    table = content
    for key in place[:-1]:
        table = table[key]
    if value is ...:
        del table[place[-1]]
    else:
        table[place[-1]] = value
    return content


def _places(content: Any, place: Place = ()) -> Iterator[Place]:
    yield place
    entries: Any = content.items() if isinstance(content, dict) else ()
    entries = enumerate(content) if isinstance(content, list) else entries
    for key, value in entries:
        yield from _places(value, (*place, key))


TENSORS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "zero": torch.zeros_like,
    "negative": lambda value: -value.long() if value.dtype == torch.uint8 else -value,
    "not a number": lambda value: value * float("nan"),
    "half": lambda value: value.half(),
    "whole": lambda value: value.to(torch.int32),
    "complex": lambda value: value.to(torch.complex64),
    "eight bits": lambda value: value.float().to(torch.float8_e4m3fn),
    "one row": lambda value: value[:1].contiguous(),
    "no row": lambda value: value[:0].contiguous(),
    "twice": lambda value: torch.cat([value, value]),
    "flat": lambda value: value.reshape(-1),
    "one number": lambda value: torch.tensor(1.0),
    "backwards": lambda value: value.flip(0).contiguous(),
    "huge": lambda value: value.double() * 1e300,
}


def write_checkpoint(path: Path, described: Any, tensors: Mapping[str, Tensor]) -> None:
    """A checkpoint that says this of itself, with a checksum that is right: who writes a file computes it."""
    metadata = {"fearec": json.dumps(described)}
    save_file(dict(tensors), path, {**metadata, "checksum": checksum(metadata, tensors)})
