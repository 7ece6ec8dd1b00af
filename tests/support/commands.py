"""The command line, run in this process; a small log and small settings for it."""

import contextlib
import io
import json
import random
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from fearec_cli.cli.main import main
from fearec_cli.runs.directory import state_files

USERS, ITEMS = 40, 30
# Small enough for dozens of runs: 9 steps an epoch on the toy log.
SETTINGS = (
    "model.dim=8",
    "model.inner=16",
    "model.layers=1",
    "model.max_length=8",
    "training.batch_size=32",
    "training.learning_rate=0.01",
    "training.device=cpu",
)
TINY = tuple(part for setting in SETTINGS for part in ("--set", setting))


class Result(NamedTuple):
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


def fearec(*arguments: str | Path) -> Result:
    """Run `fearec` with these arguments, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["fearec", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return Result(code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue())


def done(*arguments: str | Path) -> str:
    """What a command prints that ends well."""
    result = fearec(*arguments)
    assert result.code == 0, f"{arguments}: {result}"
    assert result.err == ""
    return result.out


def sequences(seed: int = 0) -> dict[str, list[str]]:
    """Users whose items follow one another round the catalogue, now and then with a jump: learnable."""
    dice = random.Random(seed)
    users = {}
    for user in range(USERS):
        item, items = dice.randrange(ITEMS), []
        for _ in range(dice.randint(8, 12)):
            items.append(f"i{item}")
            item = (item + 1) % ITEMS if dice.random() < 0.9 else dice.randrange(ITEMS)
        users[f"u{user}"] = items
    return users


def write_sequences(path: Path, seed: int = 0) -> Path:
    """The toy log as the source `sequences` reads it."""
    lines = (" ".join([user, *items]) for user, items in sequences(seed).items())
    path.write_text("\n".join(lines) + "\n")
    return path


def tensors(path: Path) -> dict[str, Tensor]:
    """The arrays of a safetensors file."""
    return load_file(path)


def metadata(path: Path) -> dict[str, str]:
    """The texts in the header of a safetensors file."""
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def description(path: Path) -> dict[str, Any]:
    """What a checkpoint tells of itself."""
    return json.loads(metadata(path)["fearec"])


def newest_state(run: Path) -> Path:
    """What a run would be resumed from."""
    return next(iter(state_files(run).values()))


def records(run: Path) -> list[dict[str, Any]]:
    """Lines of a run's metrics.jsonl."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def timeless(run: Path) -> list[dict[str, Any]]:
    """Lines of metrics.jsonl without what the clock decides."""
    clock = {"seconds", "prefixes_per_second"}
    return [{name: value for name, value in record.items() if name not in clock} for record in records(run)]


def settings_of(run: Path) -> dict[str, Any]:
    """What run.toml holds but for when the run began."""
    table = tomllib.loads((run / "run.toml").read_text())
    del table["run"]["begun"]
    return table


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether the arrays agree in name and in every bit."""
    return one.keys() == other.keys() and all(
        value.dtype == other[name].dtype and value.equal(other[name]) for name, value in one.items()
    )


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a directory, temporary ones too."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def refused(*arguments: str | Path) -> list[str]:
    """The problems that a command names, which must be the input's and must change no file."""
    before = contents(Path())
    result = fearec(*arguments)
    assert result.code == 2, result
    assert "Traceback" not in result.err + result.out
    lines = result.err.splitlines()
    assert lines
    assert all(line.startswith("error: ") for line in lines), result.err
    assert contents(Path()) == before
    return [line.removeprefix("error: ") for line in lines]


def agree(lines: list[str], *patterns: str) -> None:
    """Each line fits its pattern, one for one."""
    assert len(lines) == len(patterns), lines
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.search(pattern, line), f"{line!r} has no {pattern!r}"
