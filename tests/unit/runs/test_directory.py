"""Where runs are put, which places are refused, and that two runs never share one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fearec_cli.errors import OutputError
from fearec_cli.runs.directory import claimed, has_begun, new_run_directory, state_file, state_files


def test_a_new_directory_is_beside_the_others(tmp_path: Path) -> None:
    assert new_run_directory(tmp_path / "runs", "demo") == tmp_path / "runs/demo"
    (tmp_path / "runs/demo-2").write_text("")
    assert new_run_directory(tmp_path / "runs", "demo") == tmp_path / "runs/demo-3"
    assert (tmp_path / "runs/demo-3").is_dir()
    with pytest.raises(OutputError, match="cannot be written: File exists"):
        new_run_directory(tmp_path / "runs/demo-2", "demo")


def test_a_directory_that_is_taken_is_refused(tmp_path: Path) -> None:
    with claimed(tmp_path / "new", resume=False):
        (tmp_path / "new/file").write_text("")
    for taken, resume, problem in (
        ("new", False, "is not empty; choose another --out, continue .* --resume, or remove it"),
        ("new", True, "holds other files, and no state to resume from; choose another --out"),
        ("new/file", False, "is not a directory"),
        ("new/file", True, "is not a directory"),
    ):
        with pytest.raises(OutputError, match=problem), claimed(tmp_path / taken, resume=resume):
            pass
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]


def test_a_run_that_has_begun_is_gone_on_with(tmp_path: Path) -> None:
    for place in ("run/last/state-3.safetensors", "seeds/summary.json"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
        directory = tmp_path / place.partition("/")[0]
        assert has_begun(directory)
        with pytest.raises(OutputError, match="is not empty"), claimed(directory, resume=False):
            pass
        with claimed(directory, resume=True):
            pass
        assert (tmp_path / place).exists()
    assert not has_begun(tmp_path)


def test_a_directory_in_which_nothing_was_left_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "runs/new", resume=False):
        _ = 1 / 0
    assert not (tmp_path / "runs/new").exists()


@pytest.mark.parametrize("resume", [False, True])
def test_a_second_run_is_refused_while_the_first_goes_on(tmp_path: Path, resume: bool) -> None:
    with claimed(tmp_path / "run", resume=False):
        (tmp_path / "run/last").mkdir()
        state_file(tmp_path / "run", 0).touch()
        with (
            pytest.raises(OutputError, match=rf"run: process {os.getpid()} on .* is training there; wait until"),
            claimed(tmp_path / "run", resume=resume),
        ):
            pass
    with claimed(tmp_path / "run", resume=True):
        pass


HOLD = """
import pathlib, signal, sys
from fearec_cli.runs.directory import claimed
with claimed(pathlib.Path(sys.argv[1]), resume=False):
    print("claimed", flush=True)
    signal.pause()
"""


def test_a_process_that_is_killed_gives_its_directory_back(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "run"], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"claimed\n"
        with pytest.raises(OutputError, match=f"process {other.pid} on"), claimed(tmp_path / "run", resume=True):
            pass
        other.kill()
    with claimed(tmp_path / "run", resume=True):
        pass


def test_a_file_system_without_locks_is_put_up_with(tmp_path: Path, monkeypatch) -> None:
    def flock(*_arguments) -> None:
        raise OSError(38, os.strerror(38))  # ENOSYS

    monkeypatch.setattr("fcntl.flock", flock)
    with claimed(tmp_path / "run", resume=False):
        assert (tmp_path / "run").is_dir()


def test_states_are_found_by_their_steps(tmp_path: Path) -> None:
    assert state_files(tmp_path) == {}
    (tmp_path / "last").mkdir()
    for step in (9, 10, 100):
        state_file(tmp_path, step).write_text("")
    for other in ("state-x.safetensors", "best.safetensors", ".state-200.safetensors.abcdefgh"):
        (tmp_path / "last" / other).write_text("")
    assert list(state_files(tmp_path)) == [100, 10, 9]
    assert state_files(tmp_path)[10] == state_file(tmp_path, 10)
