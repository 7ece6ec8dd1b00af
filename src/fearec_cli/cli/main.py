"""The `fearec` command: what it is made of, and errors to exit codes.

Exit status: 0 done; 1 an error of the program; 2 an error of the input; 128 and the number of a signal that ended it
(130 for Ctrl-C).
Commands import what is heavy only when they run, so that help comes at once.
"""

import errno
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any, ClassVar, NoReturn

import typer

from fearec_cli.cli.interrupts import raise_on_signals
from fearec_cli.cli.lazy import LazyCommands
from fearec_cli.cli.usage import problem_of
from fearec_cli.components.registry import package_at_fault
from fearec_cli.errors import FearecError, TerminatedError
from fearec_cli.system.memory import ran_out_of_memory
from fearec_cli.system.streams import discard_output, make_output_safe
from fearec_cli.system.text import message


class _Commands(LazyCommands):
    """Every command, in the order of use."""

    summaries: ClassVar[Mapping[str, str]] = {
        "prepare": "Read a log, filter and number it, and write a prepared data set.",
        "train": "Train a model and keep the weights that validate best.",
        "evaluate": "Rank every held-out item among the whole catalogue.",
        "tune": "Search for the settings that validate best.",
        "compare": "Tell a better model from a luckier one, user by user.",
        "reproduce": "Try a published claim and say whether its number comes out.",
        "results": "List the results below directories, with what differs between them.",
        "recommend": "Recommend items for any history, by one checkpoint.",
        "serve": "Answer over HTTP, by one checkpoint.",
        "export": "Write a model as an ONNX file, for services without torch.",
        "push": "Put a model on the Hugging Face Hub, with a card.",
        "inspect": "Look inside a model: frequencies, periods, branches.",
        "report": "Write one page about a run.",
        "components": "List components, settings and presets, or describe one.",
        "datasets": "List the sources of data, or describe one.",
        "doctor": "Show versions, devices, plugins and caches, and what is wrong with them.",
        "new-plugin": "Write a package with a component or a source of your own.",
    }


app = typer.Typer(
    name="fearec",
    cls=_Commands,
    help="Train, evaluate and take apart frequency-enhanced sequential recommenders.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fearec {version('fearec')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Train, evaluate and take apart frequency-enhanced sequential recommenders."""


def main() -> NoReturn:
    """Run the command line and leave with its exit status."""
    debug = "--debug" in sys.argv[1:2]
    make_output_safe()
    raise_on_signals()
    status: Any = 0
    try:
        status = app(prog_name="fearec", standalone_mode=False)
        sys.stdout.flush()  # here, where what fails is still reported
    except FearecError as error:
        if debug:
            traceback.print_exc()
        _fail(str(error), 2)
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(str(error), err=True)
            sys.exit(2)
        _fail(problem_of(error), 2)
    except TerminatedError as end:
        _fail(f"ended by {signal.Signals(end.number).name}", 128 + end.number)
    except BrokenPipeError:
        discard_output()
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if debug:
            traceback.print_exc()
        where = "" if error.filename is None else f"{error.filename}: "
        if error.errno == errno.ENOSPC and not where:
            where = "the output cannot be written: "
        discard_output()
        _fail(f"{where}{error.strerror or error}", 2)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # a library written in Rust raises panics, which are no Exceptions
        if debug:
            raise
        if ran_out_of_memory(error):
            _fail("out of memory: use less data, a smaller model or smaller batches", 2)
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        owner = package_at_fault(error)
        if owner:
            _fail(f"{reason}, in package {owner!r}; `fearec --debug ...` shows where; report it to its authors", 2)
        _fail(reason, 1, "This is a bug in fearec: `fearec --debug ...` shows where it happened; please report it.")
    sys.exit(status if isinstance(status, int) else 0)


def _fail(problem: str, status: int, advice: str = "") -> NoReturn:
    """Print a problem, a line each, and leave."""
    for line in message(problem):
        typer.echo(f"error: {line}", err=True)
    if advice:
        typer.echo(advice, err=True)
    sys.exit(status)
