"""Where the service listens."""

import socket

import pytest

from fearec_cli.errors import ConfigError
from fearec_cli.serving.service.server import listen


def test_a_port_that_is_taken() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port}: cannot listen there: Address already in use"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("no.such.host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70_000)])
def test_a_place_where_nobody_can_listen(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="cannot listen there"):
        listen(host, port)


def test_responses_do_not_wait_for_acknowledgements() -> None:
    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
