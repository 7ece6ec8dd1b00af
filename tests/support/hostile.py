"""Hostile command lines: each is run in this process, and what it did to files, time and exit status is judged.

A line may do what it says (0) or be refused (2). It may not end in a traceback or in a fault of the program, take
longer than its limit, change a file that was there, or leave something behind when it is refused.
"""

import os
import shlex
import shutil
import signal
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from fearec_cli.cli.main import app
from support.commands import Result, fearec

LIMIT = 20.0
Words = Sequence[str | Path]


class TooLongError(BaseException):
    """A line exceeds its limit."""


def value_options(command: str) -> list[str]:
    """Every option of a command that takes a value, as the program itself declares them."""
    group: Any = typer.main.get_command(app)
    found = group.get_command(None, command).params
    return [max(each.opts, key=len) for each in found if each.param_type_name == "option" and not each.is_flag]


def faults(words: Words) -> list[str]:
    """What a line does that none may do, a line of text each; what it wrote is removed again.

    They begin with T for a traceback, F for a fault of the program, H for a hang, X for another exit status, L for a
    file that was changed or left, M for a message that is none or that acts on a terminal.
    """
    root = Path.cwd()
    before = _snapshot(root)
    found: list[str] = []
    result: Result | None = None
    try:
        with _limited(LIMIT):
            result = fearec(*words)
    except TooLongError:
        pass
    except BaseException as error:
        found.append(f"T {type(error).__name__}: {str(error)[:200]}")
    if result is None or "TooLongError" in result.err:
        found.append(f"H takes longer than {LIMIT:g} s")
    else:
        found += _judged(result)
    after = _snapshot(root)
    new = sorted(name for name in after if name not in before)
    found += [f"L changes {name}" for name in before if after.get(name) != before[name]]
    if result is None or result.code != 0:
        found += [f"L leaves {name}" for name in new]
    else:
        hidden = (name for name in new if any(part.startswith(".") for part in Path(name).parts))
        found += [f"L leaves {name}" for name in hidden]
    for name in new:
        _remove(root / name)
    return [f"{each[:400]!r} in fearec {shlex.join(map(str, words))[:300]!r}" for each in found]


def _judged(result: Result) -> list[str]:
    text = result.out + result.err
    found = []
    if "Traceback" in text or "panicked at" in text:
        found.append(f"T {text[-300:]}")
    if "bug in fearec" in text:
        found.append(f"F {text}")
    elif result.code not in (0, 2):
        found.append(f"X status {result.code}: {text}")
    if result.code == 2 and not result.err.strip():
        found.append("M says nothing")
    if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in text):
        found.append(f"M acts on a terminal: {text!r}")
    if len(text) > 40_000:
        found.append(f"M is {len(text):,} characters long")
    return found


def _snapshot(root: Path) -> dict[str, tuple[Any, ...]]:
    """Every entry below a directory: kind, permissions, inode, and of a file its size and time of change."""
    found: dict[str, tuple[Any, ...]] = {}
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(directory, name)
            status = path.lstat()
            times = (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else ()
            found[os.path.relpath(path, root)] = (status.st_mode, status.st_ino, *times)
    return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def line(words: Words, options: Mapping[str, str | Path], *more: str) -> list[str | Path]:
    """The words of a command with its options."""
    return [*words, *(part for option in options.items() for part in option), *more]
