"""Files and directories that are written whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fearec_cli.errors import OutputError
from fearec_cli.system import atomic
from fearec_cli.system.atomic import atomic_directory, atomic_file, check_place, remove_leftovers


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fail_on_a_full_disk(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_half_a_file(target: Path, error: type[BaseException]) -> None:
    with atomic_file(target) as temporary:
        temporary.write_text("ha")
        raise error


def write_half_a_directory(target: Path, error: type[BaseException]) -> None:
    with atomic_directory(target) as temporary:
        (temporary / "a").write_text("1")
        raise error


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "out.txt"
    with atomic_file(target) as temporary:
        temporary.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert names(target.parent) == ["out.txt"]


def test_a_file_is_replaced(tmp_path):
    target = tmp_path / "out.txt"
    target.write_text("old")
    with atomic_file(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


@pytest.mark.parametrize("existing", [None, "old"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_half_written_file_never_remains(tmp_path, existing, error):
    target = tmp_path / "out.txt"
    if existing:
        target.write_text(existing)
    with pytest.raises(error):
        write_half_a_file(target, error)
    assert names(tmp_path) == (["out.txt"] if existing else [])
    assert not existing or target.read_text() == existing


@pytest.mark.parametrize("full", ["pathlib.Path.write_bytes", "os.fsync"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, full):
    target = tmp_path / "out.txt"
    target.write_text("old")
    monkeypatch.setattr(full, fail_on_a_full_disk)
    with pytest.raises(OutputError, match=r"out\.txt.*[Nn]o space left"), atomic_file(target) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["out.txt"]


def test_a_file_cannot_take_the_place_of_a_directory(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="out"), atomic_file(tmp_path / "out") as temporary:
        temporary.write_text("new")
    assert names(tmp_path) == ["out"]


def test_a_file_cannot_lie_below_a_file(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(OutputError, match="file"), atomic_file(tmp_path / "file" / "out.txt"):
        pass


def test_a_directory_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "set"
    with atomic_directory(target) as temporary:
        (temporary / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    assert names(tmp_path) == ["set"]


def test_a_standing_directory_is_not_touched_unless_asked(tmp_path):
    target = tmp_path / "set"
    target.mkdir()
    (target / "mine").touch()
    with pytest.raises(OutputError, match="already exists"), atomic_directory(target):
        pytest.fail("the block must not run")
    assert names(target) == ["mine"]


def test_an_empty_directory_is_taken(tmp_path):
    target = tmp_path / "set"
    target.mkdir()
    with atomic_directory(target) as temporary:
        (temporary / "new").touch()
    assert names(target) == ["new"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_permissions_that_the_user_wants_of_new_ones(tmp_path, mask):
    before = os.umask(mask)
    try:
        with atomic_file(tmp_path / "file") as temporary:
            temporary.touch(0o600)
        with atomic_directory(tmp_path / "set") as temporary:
            (temporary / "inside").touch(0o600)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask
    assert (tmp_path / "set").stat().st_mode & 0o777 == 0o777 & ~mask
    assert (tmp_path / "set" / "inside").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="is a pipe or a device"), atomic_file(tmp_path / "pipe"):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["pipe"]


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with atomic_file(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_directory_is_replaced_whole(tmp_path):
    target = tmp_path / "set"
    target.mkdir()
    (target / "old").write_text("1")
    with atomic_directory(target, replace=True) as temporary:
        (temporary / "new").write_text("2")
        assert names(target) == ["old"]
    assert names(target) == ["new"]
    assert names(tmp_path) == ["set"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_half_written_directory_never_remains(tmp_path, error):
    with pytest.raises(error):
        write_half_a_directory(tmp_path / "set", error)
    assert names(tmp_path) == []


def test_a_full_disk_leaves_the_old_directory(tmp_path, monkeypatch):
    target = tmp_path / "set"
    target.mkdir()
    (target / "old").write_text("1")
    monkeypatch.setattr(Path, "write_bytes", fail_on_a_full_disk)
    with pytest.raises(OutputError, match=r"[Nn]o space left"), atomic_directory(target, replace=True) as temporary:
        (temporary / "new").write_bytes(b"2")
    assert names(target) == ["old"]
    assert names(tmp_path) == ["set"]


@pytest.mark.parametrize("failing_call", [1, 2])
def test_a_directory_that_cannot_take_its_place_leaves_the_old_one(tmp_path, monkeypatch, failing_call):
    target = tmp_path / "set"
    target.mkdir()
    (target / "old").write_text("1")
    calls = []
    real = os.replace

    def replace(source, destination):
        calls.append(source)
        if len(calls) == failing_call:
            raise OSError(errno.EIO, "I/O error")
        real(source, destination)

    monkeypatch.setattr(os, "replace", replace)
    monkeypatch.setattr(atomic, "_exchanged", lambda *_: False)
    with pytest.raises(OutputError, match="nothing was changed"), atomic_directory(target, replace=True) as temporary:
        (temporary / "new").write_text("2")
    assert names(target) == ["old"]
    assert names(tmp_path) == ["set"]


def killed(program: str, place: Path) -> None:
    """Run a program that kills itself."""
    code = "import os, signal\nfrom pathlib import Path\nfrom fearec_cli.system import atomic\n" + program
    done = subprocess.run([sys.executable, "-c", code], cwd=place, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("standing", [False, True])
def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path, standing):
    target = tmp_path / "set"
    if standing:
        target.mkdir()
    (tmp_path / ".set.original").mkdir()  # of a user, whose name it is
    killed(
        "with atomic.atomic_directory(Path('set'), replace=True) as temporary:\n"
        "    (temporary / 'half').write_text('1')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)",
        tmp_path,
    )
    assert len(names(tmp_path)) == 2 + standing
    with atomic_directory(target, replace=True) as temporary:
        (temporary / "whole").write_text("1")
    assert names(tmp_path) == [".set.original", "set"]
    assert names(target) == ["whole"]


def test_a_writer_killed_between_two_renames_loses_nothing(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "precious").write_text("1")
    killed(
        "real = os.replace\n"
        "def replace(source, target):\n"
        "    real(source, target)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.replace = replace\n"
        "atomic._exchanged = lambda *_: False\n"
        "with atomic.atomic_directory(Path('set'), replace=True): pass",
        tmp_path,
    )
    assert "set" not in names(tmp_path)
    remove_leftovers(tmp_path / "set")
    assert names(tmp_path) == ["set"]
    assert names(tmp_path / "set") == ["precious"]


def test_a_writer_at_work_is_left_alone(tmp_path):
    with atomic_directory(tmp_path / "set") as temporary:
        (temporary / "half").write_text("1")
        remove_leftovers(tmp_path / "set")
        assert names(temporary) == ["half"]


def test_a_place_below_a_file_is_refused_beforehand(tmp_path):
    (tmp_path / "file").write_text("1")
    with pytest.raises(OutputError, match=r"cannot be written: .*file is not a directory"):
        check_place(tmp_path / "file" / "deep" / "set")
    check_place(tmp_path / "deep" / "set")
    assert names(tmp_path) == ["file"]


def test_a_place_without_permission_is_refused_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may write anywhere
    with pytest.raises(OutputError, match=rf"no permission to write in {tmp_path}"):
        check_place(tmp_path / "set")
