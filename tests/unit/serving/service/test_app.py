"""What the service answers, over real HTTP."""

import socket
from collections.abc import Iterator
from unittest import mock

import pytest
import torch

from fearec_cli.serving.recommender import Recommender
from fearec_cli.serving.service.app import make_app
from fearec_cli.serving.service.limits import Limits
from support.http_server import ask, running
from support.serving import IDS, N_ITEMS, recommender

LIMITS = Limits(max_body=2_000, max_history=30, max_k=8, max_list=5, read_seconds=0.2)


@pytest.fixture(scope="module")
def made() -> Recommender:
    return recommender()


@pytest.fixture(scope="module")
def port(made: Recommender) -> Iterator[int]:
    with running(make_app(made, LIMITS)) as port:
        yield port


def test_recommendations_are_the_recommenders(made: Recommender, port: int) -> None:
    reply = ask(port, "/recommend", {"history": ["i1", "i2", "nobody"], "k": 4, "only": IDS[3:8], "except": ["i5"]})
    expected = made.recommend([["i1", "i2", "nobody"]], 4, only=IDS[3:8], without=["i5"])
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.content["items"] == expected.items[0]
    assert reply.content["scores"] == pytest.approx(expected.scores[0].tolist(), abs=1e-5)
    assert reply.content["unknown"] == 1
    seen = ask(port, "/recommend", {"history": ["i1"], "k": 8, "seen": "include", "only": ["i1"]})
    assert seen.content["items"] == ["i1"]


def test_a_query_without_a_candidate_left_has_a_reason(port: int) -> None:
    reply = ask(port, "/recommend", {"history": ["i1"], "only": ["i1"], "k": 3})
    assert reply.content == {"items": [], "scores": [], "unknown": 0, "reason": "no candidate left"}


def test_similar_items(made: Recommender, port: int) -> None:
    reply = ask(port, "/similar", {"item": "i3", "k": 3})
    assert list(zip(reply.content["items"], reply.content["cosines"], strict=True)) == made.similar("i3", 3)


def test_health(port: int) -> None:
    reply = ask(port, "/health")
    assert reply.content == {"status": "ok", "checkpoint": "tiny", "dataset": "tiny", "items": N_ITEMS, "waiting": 0}


@pytest.mark.parametrize(
    ("path", "body", "status", "detail"),
    [
        ("/recommend", b"{", 400, "cannot be read"),
        ("/recommend", b"", 400, "cannot be read"),
        ("/recommend", b"\xff\xfe", 400, "cannot be read"),
        ("/recommend", b"[" * 1_000, 400, "cannot be read"),
        ("/recommend", b'{"history": ["\\ud800"]}', 400, "cannot be read"),
        ("/recommend", b" " * 2_001, 413, "2,000 bytes"),
        ("/recommend", [], 422, "#: "),
        ("/recommend", {}, 422, "#/history"),
        ("/recommend", {"history": "i1"}, 422, "#/history"),
        ("/recommend", {"history": ["i1", 2]}, 422, "#/history/1"),
        ("/recommend", {"history": ["i1"] * 31}, 422, "#/history: may have 30 items here, not 31"),
        ("/recommend", {"history": ["i1"], "k": 9}, 422, "#/k: must be 8 or less here, not 9"),
        ("/recommend", {"history": ["i1"], "k": 0}, 422, "#/k"),
        ("/recommend", {"history": ["i1"], "k": 2.0}, 422, "#/k"),
        ("/recommend", {"history": ["i1"], "k": True}, 422, "#/k"),
        ("/recommend", {"history": ["i1"], "seen": "both"}, 422, "#/seen"),
        ("/recommend", {"history": ["i1"], "only": ["i2"] * 6}, 422, "#/only: may have 5 items"),
        ("/recommend", {"history": ["i1"], "except": ["i2"] * 6}, 422, "#/except: may have 5 items"),
        ("/recommend", {"history": ["i1"], "only": ["nobody"]}, 422, "none of the candidate items"),
        ("/recommend", {"history": ["nobody", "else"]}, 422, "none of the 2 items of the history"),
        ("/recommend", {"history": []}, 422, "none of the 0 items of the history"),
        ("/recommend", {"history": ["i1"], "a/b~\x1b": 1}, 422, "#/a~1b~0\\x1b"),
        ("/similar", {"item": "nobody"}, 422, "'nobody' is not an item"),
        ("/similar", {"item": 3}, 422, "#/item"),
        ("/health", {}, 405, "POST /health"),
        ("/nothing", {}, 404, "POST /nothing"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_as_problem_json(port: int, path: str, body: object, status: int, detail: str) -> None:
    reply = ask(port, path, body)
    assert reply.status == reply.content["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.content["type"] == "about:blank"
    assert reply.content["title"]
    assert detail in reply.content["detail"]
    for place in reply.content.get("errors", []):
        assert place["pointer"].startswith("#")


def test_every_wrong_place_is_named_up_to_a_number_of_them(port: int) -> None:
    reply = ask(port, "/recommend", {"history": [1] * 30, "k": "ten"})
    assert len(reply.content["errors"]) == 20
    assert reply.content["errors"][1]["pointer"] == "#/history/1"


def test_a_body_that_is_not_json_by_its_type(port: int) -> None:
    reply = ask(port, "/recommend", b"{}", headers={"Content-Type": "text/plain"})
    assert (reply.status, "send JSON" in reply.content["detail"]) == (415, True)
    accepted = ask(
        port, "/recommend", {"history": ["i1"], "k": 1}, headers={"Content-Type": "Application/JSON; charset=utf-8"}
    )
    assert accepted.status == 200


def test_a_body_that_does_not_come(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = "POST /recommend HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"
        connection.sendall(head.encode())
        assert connection.recv(1_000).startswith(b"HTTP/1.1 408 ")


def test_what_is_no_http_disturbs_nobody(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\x16\x03\x01\x00 hello\r\n\r\n")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 400 ")
    assert ask(port, "/health").status == 200


def test_scores_that_are_not_numbers_are_a_fault_of_the_service() -> None:
    made = recommender()
    with torch.no_grad():
        made.checkpoint.encoder.layers[0].feed_forward.output.norm.weight.fill_(torch.nan)
    with running(make_app(made)) as port:
        reply = ask(port, "/recommend", {"history": ["i1"], "k": 1})
        assert (reply.status, reply.headers["content-type"]) == (500, "application/problem+json")
        assert "not finite" not in reply.content["detail"]
        assert ask(port, "/health").status == 200


def test_k_within_the_limit_and_above_the_catalogue() -> None:
    with running(make_app(recommender())) as port:
        reply = ask(port, "/recommend", {"history": ["i1"], "k": N_ITEMS + 1})
        assert (reply.status, "the catalogue has 12 items" in reply.content["detail"]) == (422, True)


def test_a_full_queue_sends_requests_away(made: Recommender) -> None:
    with (
        mock.patch("fearec_cli.serving.service.batching.Batcher.waiting", 1_024),
        running(make_app(made, Limits(max_waiting=1_024))) as port,
    ):
        reply = ask(port, "/recommend", {"history": ["i1"], "k": 1})
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
