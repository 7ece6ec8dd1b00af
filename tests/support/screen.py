"""What a person sees: commands run on a terminal of so many columns, which is emulated."""

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import ClassVar
from unittest import mock

import pyte
from rich.cells import cell_len

from fearec_cli.cli.main import main

ROWS = 1000
WIDTHS = (40, 62, 80, 120)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding: ClassVar[str] = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(output: str, columns: int) -> list[str]:
    """The lines that stand on a terminal after this output, without blanks at their ends."""
    screen = pyte.Screen(columns, ROWS)
    screen.set_mode(pyte.modes.LNM)
    pyte.Stream(screen).feed(output)
    lines = []
    for row in range(max(screen.buffer, default=-1) + 1):
        cells = screen.buffer[row]
        lines.append("".join(cells[column].data for column in range(max(cells, default=-1) + 1)).rstrip())
    while lines and not lines[-1]:
        lines.pop()
    return lines


def run_on_terminal(columns: int, *arguments: str | Path) -> tuple[int, str, str]:
    """Status and what `fearec` writes to a terminal of so many columns, and to standard error."""
    out, err = Terminal(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["fearec", *map(str, arguments)]),
        mock.patch.dict(os.environ, {"COLUMNS": str(columns), "LINES": str(ROWS), "TERM": "xterm-256color"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        os.environ.pop("NO_COLOR", None)
        try:
            main()
        except SystemExit as end:
            code = end.code
    return code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue()


def screen(columns: int, *arguments: str | Path) -> list[str]:
    """The lines that a command that ends well leaves on a terminal of so many columns."""
    code, out, err = run_on_terminal(columns, *arguments)
    assert (code, err) == (0, ""), (arguments, err, out)
    return shown(out, columns)


def written(columns: int, *arguments: str | Path) -> list[str]:
    """The lines as they are written, before a terminal folds those that are too long."""
    code, out, err = run_on_terminal(columns, *arguments)
    assert (code, err) == (0, ""), (arguments, err, out)
    return shown(out, 10_000)


def too_long(lines: list[str], columns: int) -> list[str]:
    """Those of them that a terminal of so many columns folds."""
    return [line for line in lines if cell_len(line) > columns]
