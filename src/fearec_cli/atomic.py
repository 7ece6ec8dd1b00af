"""Writes that happen whole or not at all: temporary neighbour, fsync, rename."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from fearec_cli.errors import OutputError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there replaces `path` when the block ends well.

    Raises:
        OutputError: the file cannot be written (disk full, no permission, a directory in its place).
            Whatever stood at `path` before still stands there.
    """
    with _temporary(path, directory=False) as temporary:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)


@contextmanager
def atomic_directory(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give an empty temporary directory beside `path`, which becomes `path` when the block ends well.

    Args:
        path: the directory to make.
        replace: put it in the place of a directory that stands there.

    Raises:
        OutputError: something already stands at `path` and `replace` is off, or it cannot be written.
    """
    if path.exists() and not replace:
        raise OutputError(f"{path}: already exists; choose another place or remove it first")
    with _temporary(path, directory=True) as temporary:
        yield temporary
        for file in temporary.iterdir():
            _flush(file)
        if path.exists():
            # A directory cannot be renamed over a full one: step aside, take the place, then delete.
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            try:
                os.replace(path, aside / "old")
                os.replace(temporary, path)
            except OSError:
                if (aside / "old").exists():
                    os.replace(aside / "old", path)
                aside.rmdir()
                raise
            shutil.rmtree(aside)
        else:
            os.replace(temporary, path)
        _flush(path.parent)


def remove_temporaries(directory: Path, name: str) -> None:
    """Remove what writers of files of a name (a glob pattern) left beside them when they were killed.

    Nobody may be writing them now.
    """
    for temporary in directory.glob(f".{name}.????????"):  # the part that tempfile draws
        temporary.unlink(missing_ok=True)


@contextmanager
def _temporary(path: Path, *, directory: bool) -> Iterator[Path]:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if directory:
            temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
            temporary.chmod(0o755)
        else:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            os.close(handle)
            temporary = Path(name)
            temporary.chmod(0o644)
        yield temporary
    except (OSError, SafetensorError) as error:  # safetensors wraps what the system told it
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{path}: cannot be written: {reason}; nothing was changed") from error
    finally:
        if temporary is not None and temporary.exists():
            if directory:
                shutil.rmtree(temporary)
            else:
                temporary.unlink()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
