"""The Hub: the first load, the next ones, none to be had, and every way to fail, by the real clients."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from support.hub_client import Fetching, Query, environment, fearec
from support.hub_server import HubServer, Repository

# Two states of a log. Ids have leading zeros, look like numbers, and one is NA.
OLD = "user,item,when,stars\n" + "".join(
    f"u{user},{item:03},{1500000000 + user},4\n" for user in range(4) for item in range(6)
)
NEW = OLD + "".join(f"NA,{item:03},1600000000,5\n" for item in range(6))
COLUMNS = ("--set", "hub.time=when", "--set", "hub.rating=stars")

# Repositories that misbehave. The first are left to the clients' own patience, which the others would try for minutes.
PATIENT = (
    *("gated", "503 on HEAD", "503 on GET", "429", "drop on HEAD", "drop on GET", "cut", "web page", "proxy"),
    "xet refuses",
)
IMPATIENT = ("429 for long", "silence on HEAD", "silence on GET", "xet silence")
SHORT = {"HF_HUB_ETAG_TIMEOUT": "2", "HF_HUB_DOWNLOAD_TIMEOUT": "1"}


def name_of(fault: str) -> str:
    return "some/" + fault.replace(" ", "-").lower()


@contextmanager
def closed_port() -> Iterator[str]:
    """An address of this machine where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture(scope="module", autouse=True)
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Fetching]]:
    """All that fails, under way while the other tests run."""
    home = tmp_path_factory.mktemp("home")
    repositories = {name_of(fault): Repository.of({"a.csv": OLD.encode()}, fault) for fault in (*PATIENT, *IMPATIENT)}
    with HubServer({**repositories, "some/data": Repository.of({"a.csv": b"x"})}) as server, closed_port() as nobody:
        patient: list[Query] = [(name_of(fault), "a.csv", "main") for fault in PATIENT]
        patient += [("some/nothing", "a.csv", "main"), ("some/data", "b.csv", "main"), ("some/data", "a.csv", "v9")]
        patient += [("no name!", "a.csv", "main")]
        impatient: list[Query] = [(name_of(fault), "a.csv", "main") for fault in IMPATIENT]
        yield [
            Fetching(patient, environment(server.url, home / "a")),
            Fetching(impatient, environment(server.url, home / "b", **SHORT)),
            Fetching([("no/network", "a.csv", "main")], environment(nobody, home / "c")),
            Fetching([("is/offline", "a.csv", "main")], environment(nobody, home / "d", HF_HUB_OFFLINE="1")),
        ]


@pytest.fixture(scope="module")
def failures(failing: list[Fetching]) -> dict[Query, tuple[str, float]]:
    """What became of it."""
    return {query: outcome for fetching in failing for query, outcome in fetching.outcomes().items()}


def test_first_load_warm_load_pinned_revision_and_offline(tmp_path: Path) -> None:
    old, new = "a1" * 20, "b2" * 20
    repository = Repository({old: {"in/log.csv": OLD.encode()}, new: {"in/log.csv": NEW.encode()}}, {"main": new})
    with HubServer({"some/data": repository}) as server:
        env = environment(server.url, tmp_path / "home")

        def prepare(*more: str, **variables: str) -> str:
            command = ("prepare", "hub:some/data/in/log.csv", *COLUMNS, "--k-core", "0", *more)
            done = fearec(*command, env={**env, **variables}, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert "wrote data/data-log" in prepare()
        assert server.requests == [f"{verb} /datasets/some/data/resolve/main/in/log.csv" for verb in ("HEAD", "GET")]
        manifest = json.loads((tmp_path / "data/data-log/dataset.json").read_text())
        assert manifest["source"]["location"] == "huggingface.co/datasets/some/data/in/log.csv"
        assert manifest["source"]["revision"] == new
        assert manifest["notes"] == {
            "columns": "user = user, item = item, timestamp = when, rating = stars",
            "times": "read as s (recognised by magnitude), UTC",
        }
        assert (manifest["counts"]["users"], manifest["counts"]["interactions"]) == (5, 30)
        users = pl.read_parquet(tmp_path / "data/data-log/users.parquet")["raw"].to_list()
        items = pl.read_parquet(tmp_path / "data/data-log/items.parquet")["raw"].to_list()
        assert users == ["u0", "u1", "u2", "u3", "NA"]
        assert items == ["000", "001", "002", "003", "004", "005"]

        server.requests.clear()
        prepare("--set", f"hub.revision={new}", "--out", "warm")
        assert server.requests == []
        prepare("--set", f"hub.revision={old}", "--out", "old")
        pinned = json.loads((tmp_path / "old/dataset.json").read_text())
        assert (pinned["source"]["revision"], pinned["counts"]["users"]) == (old, 4)

    assert "already prepared" in prepare(HF_HUB_OFFLINE="1")


def test_a_branch_is_what_it_is_now_or_is_said_to_be_what_it_was(tmp_path: Path) -> None:
    old, new = "a1" * 20, "b2" * 20
    # Not a table, which would cost each process the import of `datasets`.
    lines = "".join(json.dumps({"user": "u", "item": item, "timestamp": 1}) + "\n" for item in "abcd").encode()
    repository = Repository({old: {"log.jsonl": lines}, new: {"log.jsonl": lines * 2}}, {"main": old})

    def fetched(**variables: str) -> tuple[str, str]:
        fetching = Fetching([("some/data", "log.jsonl", "main")], {**env, **variables})
        [(commit, _)] = fetching.outcomes().values()
        return commit, fetching.warned

    with HubServer({"some/data": repository}) as server:
        env = environment(server.url, tmp_path / "home")
        assert fetched() == (old, "")
        server.requests.clear()
        assert fetched() == (old, "")
        assert server.requests == ["HEAD /datasets/some/data/resolve/main/log.jsonl"]

        repository.fault = "503 on HEAD"
        notice = f"the Hub answers 503; main is the cached commit {old}"
        command = ("prepare", "hub:some/data/log.jsonl", "--k-core", "0", "--out", "data")
        for verb in ("wrote", "already prepared"):
            done = fearec(*command, env=env, cwd=tmp_path)
            assert (done.returncode, done.stderr) == (0, f"hub:some/data/log.jsonl: {notice}\n")
            assert verb in done.stdout
            assert re.search(rf"^revision +{re.escape(notice)}$", done.stdout, re.MULTILINE)
        assert json.loads((tmp_path / "data/dataset.json").read_text())["notes"]["revision"] == notice

        repository.fault = ""
        repository.branches["main"] = new
        assert fetched() == (new, "")

    commit, warned = fetched()
    assert commit == new
    assert re.fullmatch(rf"hub:\S+ the Hub was not reached \(\w+Error\); main is the cached commit {new}\n", warned)
    assert "the Hub was not asked (HF_HUB_OFFLINE is set); main is the cached commit" in fetched(HF_HUB_OFFLINE="1")[1]


def test_what_xet_does_not_give_comes_by_plain_http(tmp_path: Path) -> None:
    with HubServer({"some/data": Repository.of({"a.csv": OLD.encode()}, "xet refuses")}) as server:
        fetching = Fetching([("some/data", "a.csv", "main")], environment(server.url, tmp_path, HF_HUB_DISABLE_XET="1"))
        [(commit, _)] = fetching.outcomes().values()
    assert re.fullmatch("[0-9a-f]{40}", commit)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ((name_of("gated"), "a.csv", "main"), r"is gated: ask for access at .*, then log in by `hf auth login`"),
        ((name_of("503 on HEAD"), "a.csv", "main"), r"answers 503 Service Unavailable; try again later"),
        ((name_of("503 on GET"), "a.csv", "main"), r"answers 503 Service Unavailable; try again later"),
        ((name_of("429"), "a.csv", "main"), r"answers 429, too many requests; wait"),
        ((name_of("429 for long"), "a.csv", "main"), r"nothing came within 10 seconds; Rate limited. Waiting 301"),
        ((name_of("drop on HEAD"), "a.csv", "main"), r"cannot be reached.*; check the network"),
        ((name_of("drop on GET"), "a.csv", "main"), r"broke off .*disconnected.*; check the network"),
        ((name_of("cut"), "a.csv", "main"), r"broke off .*; check the network"),
        ((name_of("silence on HEAD"), "a.csv", "main"), r"nothing came within 10 seconds.*; check the network"),
        ((name_of("silence on GET"), "a.csv", "main"), r"(nothing came|timed out).*; check the network"),
        ((name_of("web page"), "a.csv", "main"), r"is a web page \(HTML\), .*; then remove .* and try again"),
        ((name_of("proxy"), "a.csv", "main"), r"is not the Hub .*; check the network"),
        (
            (name_of("xet refuses"), "a.csv", "main"),
            r"Xet storage does not give .*404 Not Found.*; set HF_HUB_DISABLE_XET=1 to",
        ),
        (
            (name_of("xet silence"), "a.csv", "main"),
            r"Xet .*nothing came within 10 seconds\); set HF_HUB_DISABLE_XET=1",
        ),
        (("some/nothing", "a.csv", "main"), r"there is no data set repository some/nothing, or it is private"),
        (("some/data", "b.csv", "main"), r"has no such file at revision 'main'"),
        (("some/data", "a.csv", "v9"), r"has no revision 'v9'"),
        (("no name!", "a.csv", "main"), r"is not a name on the Hub"),
        (("no/network", "a.csv", "main"), r"cannot be reached.*; check the network"),
        (("is/offline", "a.csv", "main"), r"HF_HUB_OFFLINE forbids to fetch it"),
    ],
    ids=lambda part: part[0] if isinstance(part, tuple) else "",
)
def test_every_failure_is_one_line_within_a_minute(
    failures: dict[Query, tuple[str, float]], query: Query, message: str
) -> None:
    said, seconds = failures[query]
    repository, path, _ = query
    assert said.startswith(f"error: hub:{repository}/{path}: ")
    assert "\n" not in said
    assert re.search(message, said), said
    assert seconds < 60
