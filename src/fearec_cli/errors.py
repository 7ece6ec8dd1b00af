"""Every exception that a user can meet.

A message says what is wrong, where (file, row or option), and what to do next. The command line prints
it without a traceback and leaves with exit status 2 (`fearec_cli.cli.main`).
"""

import difflib
from collections.abc import Callable, Iterable, Sequence


class FearecError(Exception):
    """Base of every error that is the input's, not the program's."""


class ConfigError(FearecError):
    """A configuration that cannot be run; carries every problem found, not the first alone."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class PluginError(FearecError):
    """A plugin that cannot be used, or a component that no package offers."""


class DataError(FearecError):
    """A log or a prepared data set that cannot be read or used."""


class EmptyDataError(DataError):
    """A log of which the filters leave nothing, or too little of a user."""


class CheckpointError(FearecError):
    """A checkpoint that cannot be read, or does not fit what it is used with."""


class DamagedError(CheckpointError):
    """A checkpoint or state that is there and is not whole."""


class TrainingError(FearecError):
    """A training run that cannot go on."""


class EvaluationError(FearecError):
    """Scores that cannot be ranked."""


class ExportError(FearecError):
    """A model that has no form in another format, or whose form there answers otherwise."""


class OutputError(FearecError):
    """An output that could not be written; nothing half-written stays behind."""


class TerminatedError(BaseException):
    """SIGTERM or SIGHUP, as an exception: what is half-written is removed on the way out.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


# What ends a program from outside: nothing that is wrong with a plugin in whose code it arrives.
ENDINGS = (KeyboardInterrupt, TerminatedError)


class QuietExit(SystemExit):
    """The end of a process whose failure another process of the run reports."""


def did_you_mean(name: str, names: Iterable[str], shown: Callable[[str], str] = repr) -> str:
    """The end of a message about an unknown name: the nearest known one, as `shown` writes it, or nothing."""
    close = nearest(name, names)
    return f"; did you mean {shown(close)}?" if close else ""


def nearest(name: str, names: Iterable[str]) -> str:
    """The known name that is most like another one, whatever its capitals; empty if none is.

    >>> nearest("Sasrek", ["fearec", "sasrec"]), nearest("ml-1m", ["movielens-1m", "yelp"])
    ('sasrec', 'movielens-1m')
    """
    known = {each.lower(): each for each in names}
    sought = name[:100].lower()
    close = difflib.get_close_matches(sought, known, n=1, cutoff=0.6)
    _, _, end = sought.partition("-")  # another first word
    close = close or [each for each in known if end and each.partition("-")[2] == end]
    return known[close[0]] if close else ""
