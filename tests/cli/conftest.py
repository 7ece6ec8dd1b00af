"""Every test of the command line has a working directory of its own."""

import contextlib
import shutil
from pathlib import Path

import pytest

from support.commands import TINY, done, write_sequences


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the toy log, prepared as data/toy, and a short run on it, runs/toy. Not to be changed."""
    place = tmp_path_factory.mktemp("finished")
    with contextlib.chdir(place):
        write_sequences(Path("toy.txt"))
        done("prepare", "sequences", "--from", "toy.txt", "--out", "data/toy")
        done("train", "toy", "--preset", "sasrec", "--epochs", "2", "--out", "runs/toy", *TINY)
    return place


@pytest.fixture
def toy(finished: Path, workplace: Path) -> Path:
    """The prepared toy data set, data/toy."""
    shutil.copytree(finished / "data", workplace / "data")
    return Path("data/toy")


@pytest.fixture
def trained(toy: Path, finished: Path, workplace: Path) -> Path:
    """A short run on it, runs/toy."""
    shutil.copytree(finished / "runs", workplace / "runs")
    return Path("runs/toy")


@pytest.fixture
def best(trained: Path) -> Path:
    """The checkpoint of that run."""
    return trained / "best.safetensors"
