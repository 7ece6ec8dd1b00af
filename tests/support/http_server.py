"""Services under test: started, asked over real HTTP, and ended."""

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from fearec_cli.serving.service.server import listen

_SECONDS = 60


class Reply(NamedTuple):
    """What came back; the content is that of JSON."""

    status: int
    headers: dict[str, str]
    content: Any


def ask(port: int, path: str, body: Any = None, *, method: str = "", headers: Any = None) -> Reply:
    """One request on a connection of its own: GET without a body, else POST of JSON, or of bytes as they are."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    with contextlib.closing(connection):
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if headers is None else headers
        connection.request(method or ("GET" if body is None else "POST"), path, content, sent)
        reply = connection.getresponse()
        text = reply.read()
        return Reply(
            reply.status,
            {name.lower(): value for name, value in reply.getheaders()},
            json.loads(text) if text else None,
        )


@contextlib.contextmanager
def running(app: Any) -> Iterator[int]:
    """An application on a port of this machine, while the block runs."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.005)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(_SECONDS)


@contextlib.contextmanager
def started(*command: str | Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process of Python that serves, and the port that it prints; killed if the block leaves it alive."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        match = re.search(r"http://\S+:(\d+)", line)
        assert match, line + process.stderr.read()
        yield process, int(match[1])
    finally:
        process.kill()
        process.communicate()
