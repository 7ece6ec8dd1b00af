"""Trainings that are killed (SIGKILL) at a chosen moment, each in a process of its own.

Started as a program, it reads a list of [moment, count, arguments] from standard input, runs `fearec` with the
arguments in a fork of itself and kills it when the moment comes for the count-th time:

- "step": after an optimiser step; count is its number in the run;
- "write": when half of a safetensors file is written;
- "flush": before a file, or after its renaming the directory, is flushed to the disk.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

TESTS = Path(__file__).parents[1]


class Kill(NamedTuple):
    """When a training is killed."""

    moment: str
    count: int


def train_and_kill(runs: Sequence[tuple[Kill, Sequence[str]]]) -> None:
    """Run `fearec train` with these arguments, one after another, and kill each.

    Raises:
        CalledProcessError: one of them ended otherwise.
    """
    text = json.dumps([[*kill, list(arguments)] for kill, arguments in runs])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(TESTS)}
    subprocess.run([sys.executable, __file__], input=text, text=True, check=True, env=environment)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(moment: str, count: int) -> None:
    from fearec_cli.cli.show.progress import PlainReporter
    from fearec_cli.runs import checkpoint, state

    calls = 0

    def counted() -> bool:
        nonlocal calls
        calls += 1
        return calls == count

    if moment == "step":

        def on_step(self, place, *_arguments) -> None:
            if place.step == count:
                _die()

        PlainReporter.on_step = on_step
    elif moment == "write":
        real_save = state.save_file

        def save_file(tensors, path, metadata=None) -> None:
            real_save(tensors, path, metadata)
            if counted():
                os.truncate(path, os.path.getsize(path) // 2)
                _die()

        state.save_file = checkpoint.save_file = save_file
    else:
        real_flush = os.fsync

        def fsync(handle: int) -> None:
            if counted():
                _die()
            real_flush(handle)

        os.fsync = fsync


def _main() -> None:
    # What takes seconds is imported once for all forks. Nothing else may run here: threads do not survive a fork.
    import torch

    import fearec_cli.training.loop  # noqa: F401
    from fearec_cli.components.registry import load_components
    from support.commands import fearec

    load_components()
    torch.optim.AdamW([torch.zeros(1)])

    for moment, count, arguments in json.load(sys.stdin):
        child = os.fork()
        if child == 0:
            with contextlib.redirect_stdout(io.StringIO()), mock.patch.dict(os.environ):
                _arm(moment, count)
                result = fearec("train", *arguments)
            os.write(2, f"{moment} {count}: was not killed: {result}\n".encode())
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(1)


if __name__ == "__main__":
    _main()
