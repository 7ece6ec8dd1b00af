"""`fearec serve` and examples/serve.py: processes under load over real HTTP, and how they end."""

import random
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fearec_cli import Recommender
from fearec_cli.serving.recommender import Query
from support.commands import agree, refused
from support.http_server import Reply, ask, started

EXAMPLE = Path(__file__).parents[2] / "examples" / "serve.py"
REQUESTS, AT_ONCE = 1_000, 32
BAD = [
    ({"history": []}, 422),
    ({"history": ["nobody"]}, 422),
    ({"history": ["i1"], "k": 31}, 422),
    ({"history": ["i1"], "k": -1}, 422),
    (b"{", 400),
    (b"x" * 2_000_000, 413),
]


def drawn(dice: random.Random) -> tuple[object, int]:
    """A body, and the status that it deserves: one of ten is bad."""
    if dice.random() < 0.1:
        return dice.choice(BAD)
    items = [f"i{number}" for number in range(30)]
    body = {"history": dice.choices([*items, "nobody"], k=dice.randint(1, 40)), "k": dice.randint(1, 10)}
    if not set(body["history"]) & set(items):
        body["history"].append("i0")
    if dice.random() < 0.3:
        body["only"] = dice.sample(items, 12)
    if dice.random() < 0.3:
        body["except"] = dice.sample(items, 5)
    if dice.random() < 0.3:
        body["seen"] = "include"
    return body, 200


def query(body: dict[str, Any]) -> Query:
    """The same for the recommender."""
    seen, only, without = body.get("seen", "exclude"), body.get("only"), body.get("except", ())
    return Query(body["history"], body["k"], seen, only, without)


def asked(port: int, body: object) -> Reply | None:
    """None where the service closed the connection before it had read a body that is too long."""
    try:
        return ask(port, "/recommend", body)
    except (BrokenPipeError, ConnectionResetError):
        assert isinstance(body, bytes)
        assert len(body) > 1_000_000
        return None


def test_a_thousand_requests_at_once_are_answered_as_the_recommender_answers_each(best: Path) -> None:
    dice = random.Random(3)
    sent = [drawn(dice) for _ in range(REQUESTS)]
    made = Recommender.load(best)
    with started("-m", "fearec_cli", "serve", best, "--port", "0", "--device", "cpu") as (process, port):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            replies = list(pool.map(lambda each: asked(port, each[0]), sent))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "ended\n", "")
    good = []
    for (body, status), reply in zip(sent, replies, strict=True):
        if reply is None:
            continue
        assert reply.status == status, reply
        if status == 200:
            good.append((body, reply.content))
        else:
            assert reply.headers["content-type"] == "application/problem+json"
    expected = made.answer([query(body) for body, _ in good])
    for (_, content), items, scores, unknown in zip(
        good, expected.items, expected.scores, expected.unknown, strict=True
    ):
        assert (content["items"], content["unknown"]) == (items, unknown)
        assert content["scores"] == pytest.approx(scores.tolist(), abs=1e-5)


def test_a_request_under_way_is_answered_before_the_end(best: Path) -> None:
    with started("-m", "fearec_cli", "serve", best, "--port", "0", "--device", "cpu") as (process, port):
        body = b'{"history": ["i1", "i2"], "k": 2}'
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            head = (
                f"POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
            )
            connection.sendall(head.encode() + b"\r\n\r\n" + body[:10])
            # The service has it once another request is answered.
            assert ask(port, "/health").status == 200
            process.send_signal(signal.SIGINT)
            threading.Timer(0.3, connection.sendall, (body[10:],)).start()
            assert connection.recv(10_000).startswith(b"HTTP/1.1 200 ")
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "ended\n", "")


def test_the_example_serves_behind_its_key(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_KEY", "secret")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started(EXAMPLE, best, str(port)) as (process, port):
        key = {"Authorization": "Bearer secret", "Content-Type": "application/json"}
        body = {"history": ["i1"], "k": 3}
        while True:
            try:
                reply = ask(port, "/recommend", body, headers=key)
                break
            except ConnectionRefusedError:  # it prints its address before it listens
                assert process.poll() is None
        assert reply.content["items"] == Recommender.load(best).recommend([["i1"]], 3).items[0]
        assert ask(port, "/recommend", body).status == 401
        assert len(ask(port, "/catalogue", headers=key).content["items"]) == 30
        assert ask(port, "/recommend", {**body, "k": 101}, headers=key).status == 422


def test_refusals(best: Path) -> None:
    agree(refused("serve", best, "--max-k", "0"), r"--max-k: must be greater than or equal to 1")
    agree(refused("serve", "nothing.safetensors"), "there is no such checkpoint")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        agree(refused("serve", best, "--port", port, "--device", "cpu"), f"--port {port}: cannot listen there")
