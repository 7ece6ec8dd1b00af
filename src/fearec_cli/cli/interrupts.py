"""Ctrl-C and SIGTERM end a run after its current step; a second Ctrl-C ends it at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fearec_cli.training.reporting import Stop


@contextmanager
def stop_on_signals(stop: Stop) -> Iterator[None]:
    """Ask `stop` on SIGINT and SIGTERM while the block runs."""

    def ask(number: int, frame: FrameType | None) -> None:
        stop.request()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
