"""A run that is killed at any moment goes on to what the run that was never stopped comes to."""

import contextlib
import random
import shutil
from pathlib import Path

import pytest

from fearec_cli.runs.directory import state_file
from support.commands import TINY, contents, description, done, same, tensors, timeless
from support.killed import Kill, train_and_kill

STEPS = 27
# The default model: dropout, a second view and semantic draws all use random numbers. A save is due at every step.
RUN = (*TINY, "--epochs", "3", "--set", "training.ema=0.9", "--set", "training.save_minutes=1e-6")


def chosen() -> list[list[Kill]]:
    """When the runs are killed: the edges, and moments drawn once and for all."""
    dice = random.Random(5)
    # After 4 flushes the first state stands; 27 steps, 3 validations, each with two files at most, flush over 60 times.
    flushes = [[Kill("flush", count)] for count in (5, *dice.sample(range(6, 60), 5))]
    writes = [[Kill("write", count)] for count in (2, *dice.sample(range(3, 30), 3))]
    steps = [[Kill("step", step)] for step in (1, 9, 27, *dice.sample(range(2, 27), 2))]
    often = [[Kill("step", step) for step in sorted(dice.sample(range(1, 28), 3))]]
    mixed = [[Kill("write", 4), Kill("flush", 9), Kill("step", 20), Kill("flush", 7)]]
    return [*flushes, *writes, *steps, *often, *mixed]


KILLS = chosen()


@pytest.fixture(scope="module")
def place(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the run that nothing stopped, runs/whole, and those that were killed, runs/0 and so on."""
    place = tmp_path_factory.mktemp("killed")
    with contextlib.chdir(place):
        shutil.copytree(finished / "data", "data")
        done("train", "toy", *RUN, "--out", "runs/whole")
        runs = []
        for number, kills in enumerate(KILLS):
            out = ("--out", f"runs/{number}")
            again = ("toy", "--resume", *out)
            runs += [(kill, again if place else ("toy", *RUN, *out)) for place, kill in enumerate(kills)]
        train_and_kill(runs)
    return place


@pytest.mark.parametrize("number", range(len(KILLS)), ids=lambda number: "-".join(map(str, KILLS[number][0])))
def test_killed_and_continued_is_as_if_never_killed(place: Path, number: int) -> None:
    run, whole = place / f"runs/{number}", place / "runs/whole"
    with contextlib.chdir(place):
        done("train", "toy", "--resume", "--out", f"runs/{number}")
    assert same(tensors(state_file(run, STEPS)), tensors(state_file(whole, STEPS)))
    assert same(tensors(run / "best.safetensors"), tensors(whole / "best.safetensors"))
    assert description(run / "best.safetensors") == description(whole / "best.safetensors")
    assert timeless(run) == timeless(whole)
    # No temporary file of a write that was cut off, and no lock.
    assert contents(run).keys() == contents(whole).keys()
