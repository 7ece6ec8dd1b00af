"""Signals: training ends after its current step and saves; every other command ends cleanly, leaving nothing."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from fearec_cli.errors import TerminatedError

if TYPE_CHECKING:
    from fearec_cli.training.reporting import Stop


ENDING = (signal.SIGTERM, signal.SIGHUP)


def raise_on_signals() -> None:
    """Turn SIGTERM and SIGHUP into `TerminatedError`; what is ignored, as under nohup, stays so."""

    def end(number: int, frame: FrameType | None) -> None:
        raise TerminatedError(number)

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


@contextmanager
def stop_on_signals(stop: "Stop") -> Iterator[None]:
    """Ask `stop` on SIGINT, SIGTERM and SIGHUP while the block runs; a second one ends it at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        stop.request()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, *ENDING)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
