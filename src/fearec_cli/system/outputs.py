"""Files that a user names for a result: no file of another program is replaced.

A new file, and one that holds an earlier result of this program, is written whole or not at all. `-` is standard
output. A pipe or a device that is there is written into, and stays what it is.
"""

import stat
import sys
from collections.abc import Callable
from pathlib import Path

from fearec_cli.errors import OutputError
from fearec_cli.system.atomic import atomic_file, check_place

STANDARD_OUTPUT = Path("-")
# Enough of a file to know whether fearec wrote it.
_HEAD = 4096


def check_output(path: Path, is_ours: Callable[[str], bool], *, force: bool = False) -> None:
    """Check that an output would not replace a file of another program, before the work for it begins.

    Args:
        path: what the user named.
        is_ours: whether the beginning of a file is that of a result of this program.
        force: replace any regular file.

    Raises:
        OutputError: it is a directory, lies where nothing can be written, or holds something else.
    """
    if path == STANDARD_OUTPUT:
        return
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        check_place(path)
        return
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}; nothing was changed") from error
    if stat.S_ISDIR(mode):
        raise OutputError(f"{path}: is a directory; name a file; nothing was changed")
    if not stat.S_ISREG(mode) or force:
        return
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise OutputError(f"{path}: cannot be read: {error.strerror or error}; nothing was changed") from error
    if head and not is_ours(head.decode(errors="replace")):
        raise OutputError(f"{path}: holds something that fearec did not write; choose another file, or remove it first")


def write_output(path: Path, text: str) -> None:
    """Write a result, after `check_output`.

    Raises:
        OutputError: it cannot be written.
    """
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    try:
        special = path.exists() and not path.is_file()
        if special:
            with path.open("w", encoding="utf-8") as file:
                file.write(text)
            return
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_json_result(head: str) -> bool:
    """Whether a file begins as a JSON result of this program does; what a data set says of itself is none."""
    return head.lstrip().startswith("{") and '"fingerprint"' in head and '"format"' not in head


def is_page(head: str) -> bool:
    """Whether a file begins as a page of this program does."""
    return head.startswith("<!doctype html>") and 'name="generator" content="fearec"' in head
