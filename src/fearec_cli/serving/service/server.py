"""Running the application: a socket, a server, and an end that lets requests finish."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from fearec_cli.errors import ConfigError

# How long requests may take to finish once the service is asked to end, in seconds.
_GRACE = 10
# Connections that the system holds until the server takes them.
_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one.

    Raises:
        ConfigError: the address is another program's, or none of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:  # the last: no name of a machine can be so
        reason = "that is no address" if isinstance(error, UnicodeError) else getattr(error, "strerror", None) or error
        raise ConfigError([f"--host {host} --port {port}: cannot listen there: {reason}; choose another"]) from error
    # Connections inherit it. Without it the second part of a response waits 40 ms for the first to be acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(app: Starlette, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    """Answer until SIGINT, SIGTERM or SIGHUP; requests under way are answered before it returns.

    Args:
        app: the application.
        listener: from `listen`.
        on_ready: called when requests are taken.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    server = uvicorn.Server(config)
    with _ended_by_signals(server):
        asyncio.run(_serve(server, listener, on_ready))


async def _serve(server: uvicorn.Server, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    work = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not work.done():
        await asyncio.sleep(0.01)
    if not work.done():
        on_ready()
    await work


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Signals ask the server to end.

    uvicorn takes SIGINT and SIGTERM over while it runs and raises them again when it has ended; for the command, a
    requested end is success.
    """

    def end(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
