"""The directory of a run: its files, and the lock that keeps other runs out."""

import errno
import fcntl
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from fearec_cli.errors import OutputError
from fearec_cli.system.atomic import made_directory

RUN_FILE = "run.toml"
BEST_FILE = "best.safetensors"
RECORD_FILE = "metrics.jsonl"
SUMMARY_FILE = "summary.json"
LOCK_FILE = ".lock"
STATES = Path("last")
_STATE = re.compile(r"state-([0-9]+)\.safetensors")
_OWNER = re.compile(rb"(process [0-9]+ on [^\n]{0,253})?")
# Errors of file systems without locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)


def new_run_directory(root: Path, name: str) -> Path:
    """Make a directory for a run under `root`: `name`, or `name-2`, `name-3`, ... where that is there already.

    Raises:
        OutputError: it cannot be made.
    """
    number = 1
    while (directory := root / (name if number == 1 else f"{name}-{number}")).exists() or not _made(directory):
        number += 1
    return directory


@contextmanager
def claimed(directory: Path, *, resume: bool) -> Iterator[None]:
    """Keep every other run out of a directory while the block runs.

    The lock is the operating system's, which releases it however a process ends; a file system without locks has none.
    A directory in which the block has left nothing is removed.

    Args:
        directory: of the run; made if it is not there.
        resume: go on with what has begun in it, or begin where a run was ended before its first state; a new run needs
            an empty one.

    Raises:
        OutputError: another run is training there, it holds something else, or it cannot be written.
    """
    lock = directory / LOCK_FILE
    if not (resume and has_begun(directory)) and not lock.exists():
        _check_free(directory, resume=resume)
    with ExitStack() as places:
        try:
            places.enter_context(made_directory(directory))
            handle = _lock(lock)
        except OSError as error:
            raise OutputError(f"{directory}: cannot be written: {error.strerror or error}") from error
        try:
            if not (resume and has_begun(directory)):
                _check_free(directory, resume=resume)  # again: another process may have been quicker
                (directory / RUN_FILE).unlink(missing_ok=True)
            yield
        finally:
            lock.unlink(missing_ok=True)
            os.close(handle)
            with suppress(OSError):  # it is not empty
                directory.rmdir()


def state_file(directory: Path, step: int) -> Path:
    """The file of a run's state at a step."""
    return directory / STATES / f"state-{step}.safetensors"


def state_files(directory: Path) -> dict[int, Path]:
    """The states that a run has left, by their steps, the latest first."""
    found = {
        int(match[1]): path
        for path in (directory / STATES).glob("state-*.safetensors")
        if (match := _STATE.fullmatch(path.name))
    }
    return dict(sorted(found.items(), reverse=True))


def has_begun(directory: Path) -> bool:
    """Whether a directory holds a run, or one of several seeds: what `--resume` continues."""
    return bool(state_files(directory)) or (directory / SUMMARY_FILE).is_file()


def _made(directory: Path) -> bool:
    """Make a directory; False where another process was quicker."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir()
    except OSError as error:
        if isinstance(error, FileExistsError) and directory.exists():
            return False
        raise OutputError(f"{directory}: cannot be written: {error.strerror or error}") from error
    return True


def _check_free(directory: Path, *, resume: bool) -> None:
    """Check that a directory holds nothing but hidden files, which a killed run or a file manager left.

    Where a run is to be resumed it may also hold what one leaves that was ended before its first state: its settings.
    """
    if not directory.exists():
        return
    if not directory.is_dir():
        raise OutputError(f"{directory}: is not a directory; choose another --out")
    names = {entry.name for entry in directory.iterdir() if not entry.name.startswith(".")}
    unbegun = {RUN_FILE, STATES.name} if resume else set()
    if names <= unbegun and not any(not entry.name.startswith(".") for entry in (directory / STATES).glob("*")):
        return
    advice = (
        "holds other files, and no state to resume from; choose another --out"
        if resume
        else "is not empty; choose another --out, continue the run there with --resume, or remove it"
    )
    raise OutputError(f"{directory}: {advice}")


def _open_own(lock: Path) -> int:
    """An open handle of the lock file; a file of another program is not opened.

    Raises:
        OutputError: a link, another kind of file, or a file of other content has its name.
        OSError: it cannot be opened.
    """
    stranger = OutputError(f"{lock}: is not a lock of fearec; remove it, or choose another --out")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise stranger from error
        raise
    if stat.S_ISREG(os.fstat(handle).st_mode) and _OWNER.fullmatch(os.pread(handle, 300, 0)):
        return handle
    os.close(handle)
    raise stranger


def _lock(lock: Path) -> int:
    """An open handle of the file, locked; the file names the process that has locked it."""
    while True:
        handle = _open_own(lock)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 200).decode(errors="replace") or "another process"
            os.close(handle)
            raise OutputError(
                f"{lock.parent}: {owner} is training there; wait until it has ended, or choose another --out"
            ) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(handle)
                raise
        # Whoever had it before may have removed the file between our opening and locking it.
        if lock.exists() and os.path.samestat(os.fstat(handle), lock.stat()):
            with suppress(OSError):  # a full disk, where the lock holds all the same
                os.truncate(handle, 0)
                os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
            return handle
        os.close(handle)
