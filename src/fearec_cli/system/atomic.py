"""Writes that happen whole or not at all: temporary neighbour, fsync, rename."""

import contextlib
import ctypes
import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from fearec_cli.errors import OutputError

# In the names of temporary directories: it distinguishes them from a user's.
_MARK = "fearec-"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there replaces `path` when the block ends well.

    Raises:
        OutputError: the file cannot be written (disk full, no permission, a directory in its place).
            What was at `path` before is still there.
    """
    path = behind_links(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OutputError(f"{path}: is a pipe or a device, which is not replaced; choose another place")
    with _temporary(path, directory=False) as temporary:
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # whatever a library wrote it with
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)


@contextmanager
def atomic_directory(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty temporary directory beside `path`, which becomes `path` when the block ends well.

    What a killed writer left of its own is removed first.

    Args:
        path: the directory to make.
        replace: replace a directory that is there.

    Raises:
        OutputError: `path` exists and `replace` is off, or it cannot be written.
    """
    remove_leftovers(path)
    if path.exists() and not replace and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path}: already exists; choose another place or remove it first")
    with _temporary(path, directory=True) as temporary:
        yield temporary
        for file in temporary.iterdir():
            file.chmod(0o666 & ~_umask())
            _flush(file)
        if path.exists() and _exchanged(temporary, path):
            pass  # the earlier directory has the temporary name now, and goes with it
        elif path.exists():
            # A directory cannot be renamed over a full one: step aside, take the place, then delete.
            aside, lock = _locked_directory(path)
            try:
                os.replace(path, aside / "old")
                os.replace(temporary, path)
            except OSError:
                if (aside / "old").exists():
                    os.replace(aside / "old", path)
                aside.rmdir()
                raise
            finally:
                os.close(lock)
            shutil.rmtree(aside)
        else:
            os.replace(temporary, path)
        _flush(path.parent)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two directories in one step, so that the name always exists; False where that cannot be done.

    renameat2(2) of Linux, which Python does not have; not every file system knows its RENAME_EXCHANGE.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return bool(rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0)


def remove_temporaries(directory: Path, name: str) -> None:
    """Remove what writers of files of a name (a glob pattern) left beside them when they were killed.

    No other process may be writing them.
    """
    for temporary in directory.glob(f".{name}.????????"):  # the part that tempfile draws
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what killed writers of a directory left beside it; a directory that one had set aside is put back."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{_MARK}*"):
        # What belongs to another user, or is locked by a running process, is left alone.
        with contextlib.suppress(OSError), _opened(leftover) as handle:
            # A writer that is alive holds the lock; the system takes it from one that is killed.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if (leftover / "old").exists() and not path.exists():
                os.replace(leftover / "old", path)
            shutil.rmtree(leftover)


def _locked_directory(path: Path) -> tuple[Path, int]:
    """An empty directory beside `path`, and the handle whose closing gives up the lock on it."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=f".{path.name}.{_MARK}", dir=path.parent))
        handle = os.open(directory, os.O_RDONLY)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if directory.exists():
            return directory, handle
        os.close(handle)  # another process took it for a leftover before it was locked


def behind_links(path: Path) -> Path:
    """Where a link leads: it stays, and what it points to is written. What is no link is given back.

    Raises:
        OutputError: it leads back to itself.
    """
    if not path.is_symlink():
        return path
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # which of the two, depends on Python's version
        raise OutputError(f"{path}: is a link that leads back to itself; choose another place") from None


def check_place(path: Path) -> None:
    """Check that an output can be written, before the work for it begins.

    Raises:
        OutputError: it would lie below a file, or in a directory where this user may make nothing.
    """
    there = next((parent for parent in path.absolute().parents if parent.exists()), path)
    if not there.is_dir():
        raise OutputError(
            f"{path}: cannot be written: {there} is not a directory; choose another place; nothing was changed"
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(
            f"{path}: cannot be written: no permission to write in {there}; choose another place; nothing was changed"
        )


@contextmanager
def made_directory(path: Path) -> Iterator[None]:
    """A directory for the block; where that fails, it and those above it that were made for it are removed again."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for each in missing:
            with contextlib.suppress(OSError):  # something lies in it by now
                each.rmdir()
        raise


@contextmanager
def _temporary(path: Path, *, directory: bool) -> Iterator[Path]:
    try:
        with made_directory(path.parent), _empty_directory(path) if directory else _empty_file(path) as temporary:
            yield temporary
    except (OSError, SafetensorError) as error:  # safetensors wraps the system's error
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{path}: cannot be written: {reason}; nothing was changed") from error


@contextmanager
def _empty_directory(path: Path) -> Iterator[Path]:
    temporary, lock = _locked_directory(path)
    try:
        temporary.chmod(0o777 & ~_umask())
        yield temporary
    finally:
        os.close(lock)
        if temporary.exists():
            shutil.rmtree(temporary)


@contextmanager
def _empty_file(path: Path) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The permissions that new files of this process do not get. It can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: Path) -> None:
    with _opened(path) as handle:
        os.fsync(handle)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)
