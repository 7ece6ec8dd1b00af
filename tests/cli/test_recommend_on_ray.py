"""`fearec recommend --engine ray`, against a Ray cluster of this machine."""

import os
import random
import re
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from support.commands import ITEMS, agree, contents, done, fearec, refused

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text("utf-8")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install -e '.[ray]'")
GROUP, PIECES = 10, 300  # enough that a worker can be killed in the middle


@pytest.fixture(scope="module", autouse=True)
def token() -> Iterator[None]:
    """What this file's clusters and programs know one another by; otherwise Ray would write one to the home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        yield


@pytest.fixture(scope="module")
def head(token: None) -> Iterator[tuple[int, str]]:
    """Process and address of a cluster with four CPUs."""
    port, other = free_port(), free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port", str(port)]
    options = ["--num-cpus", "4", "--object-store-memory", str(2**27), "--include-dashboard", "false"]
    options += ["--disable-usage-stats", "--ray-client-server-port", str(other)]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as knock:
                if process.poll() is not None or knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        assert process.poll() is None
        yield process.pid, f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def write_users(count: int) -> Path:
    """Histories in many row groups, some of them empty or unknown."""
    dice = random.Random(5)
    rows = [[f"i{dice.randrange(ITEMS + 2)}" for _ in range(dice.randrange(9))] for _ in range(count)]
    table = pl.DataFrame({"user": [f"u{row}" for row in range(count)], "items": rows})
    table.write_parquet("users.parquet", row_group_size=GROUP)
    return Path("users.parquet")


def rows_of(place: str) -> pl.DataFrame:
    """Of a directory that holds answers and nothing else."""
    assert {path.suffix for path in Path(place).iterdir()} == {".parquet"}
    return pl.read_parquet(f"{place}/*.parquet")


@needs_ray
@pytest.mark.slow
def test_any_number_of_workers_gives_the_rows_of_one_process(best: Path, head: tuple[int, str]) -> None:
    users = write_users(400)
    Path("except.txt").write_text("i5\n")
    options = ("recommend", best, "--users", users, "--k", "4", "--except", "except.txt")
    done(*options, "--out", "here.parquet")
    here = pl.read_parquet("here.parquet")
    for workers in ("1", "2", "4"):
        ray = ("--engine", "ray", "--address", head[1], "--workers", workers)
        result = fearec(*options, *ray, "--out", f"by-{workers}")
        assert (result.code, result.out) == (0, f"wrote by-{workers}: 400 users\n"), result
        assert rows_of(f"by-{workers}").equals(here)


@needs_ray
@pytest.mark.slow
def test_a_worker_that_is_killed_loses_no_user(best: Path, head: tuple[int, str]) -> None:
    users = write_users(GROUP * PIECES)
    done("recommend", best, "--users", users, "--out", "here.parquet")
    killed: list[int] = []

    def kill() -> None:
        """The first worker that is seen when some answers are there and most are not."""
        until = time.monotonic() + 120
        while not killed and time.monotonic() < until:
            parts = len(list(Path().glob(".by-ray.*/part-*.parquet")))
            for pid in workers_below(head[0]) if 20 <= parts < PIECES / 2 else ():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                break
            time.sleep(0.002)

    killer = threading.Thread(target=kill)
    killer.start()
    ray = ("--engine", "ray", "--address", head[1], "--workers", "2")
    result = fearec("recommend", best, "--users", users, *ray, "--out", "by-ray")
    killer.join()
    assert result.code == 0, result
    assert killed
    assert rows_of("by-ray").equals(pl.read_parquet("here.parquet"))


def workers_below(pid: int) -> Iterator[int]:
    """Ray's actors among the descendants of a process."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = status.read_text().rpartition(")")
            parents[int(name.split()[0])] = (int(rest.split()[1]), "ray::MapWorker" in name)
        except OSError:
            continue
    for each, (parent, is_worker) in parents.items():
        while is_worker and parent in parents and parent != pid:
            parent = parents[parent][0]
        if is_worker and parent == pid:
            yield each


def shown(language: str) -> str:
    """A block of docs/scaling.md."""
    ((_, text),) = (found for found in re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.M | re.S) if found[0] == language)
    return text


def as_on_the_page(best: Path) -> tuple[list[str], list[str]]:
    """Makes the table that docs/scaling.md makes, and gives its two commands: on Ray, and here."""
    Path("runs/first").mkdir()
    best.rename("runs/first/best.safetensors")
    users = {"user": ["u2", "u1", "u2"], "item": ["i3", "i1", "i2"], "timestamp": [2, 1, 1]}
    pl.DataFrame(users).write_parquet("log.parquet")
    exec(shown("python"), {})
    assert pl.read_parquet("histories.parquet").rows() == [("u1", ["i1"]), ("u2", ["i2", "i3"])]
    ray, here = (shlex.split(line)[2:] for line in shown("console").splitlines())
    assert "ray" in ray
    return ray, here


def test_what_the_page_shows_is_done_here(best: Path) -> None:
    _, here = as_on_the_page(best)
    assert done(*here) == "wrote answers.parquet: 2 users\n"


@needs_ray
@pytest.mark.slow
def test_what_the_page_shows_is_done_on_ray_and_a_bad_row_is_named(best: Path) -> None:
    ray, here = as_on_the_page(best)
    done(*here)
    assert fearec(*ray).code == 0
    assert rows_of("answers").equals(pl.read_parquet("answers.parquet"))
    pl.DataFrame({"user": ["u1", None], "items": [["i1"], ["i2"]]}).write_parquet("histories.parquet")
    ray[-1] = "more"
    before = contents(Path())
    result = fearec(*ray)
    assert result.code == 2
    assert "histories.parquet: row 2: has no user" in result.err.splitlines()[-1]
    assert contents(Path()) == before


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        (("--engine", "dask"), ["--engine dask: give local or ray"]),
        (
            ("--address", "auto", "--workers", "2"),
            ["--address: only goes with --engine ray", "--workers: only goes with"],
        ),
        (("--engine", "ray", "--json", "--force"), ["--json: does not go", "--force: does not go"]),
        (("--engine", "ray", "--shard", "1/2", "--out", "a.csv"), ["--shard: does not go", "writes a directory of"]),
        (("--engine", "ray", "--device", "cuda:1"), ["--device cuda:1: with --engine ray give cpu or cuda"]),
        (("--engine", "ray", "--k", "31"), ["k is 31: the catalogue has 30 items"]),
        (("--engine", "ray", "--users", "log.parquet"), ["log.parquet: has no column 'items'"]),
        (("--engine", "ray", "--users", "empty.parquet"), ["the table of --users has no rows"]),
        (("--engine", "ray", "--users", "none"), [r"none: no \.parquet file is there"]),
        (("--engine", "ray", "--out", "full"), ["full: already exists; choose another place or remove it first"]),
        (("--engine", "ray", "--address", "ray://far:1"), ["--address ray://far:1: give HOST:PORT"]),
        (("--engine", "ray", "--address", "127.0.0.1:1"), ["127.0.0.1:1: no Ray cluster answers there: .*refused"]),
    ],
    ids=str,
)
def test_refusals(best: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], problems: list[str]) -> None:
    monkeypatch.setattr("fearec_cli.cli.show.extras.find_spec", lambda module: True)
    Path("full").mkdir()
    Path("full/precious").touch()
    pl.DataFrame({"user": ["u"], "items": [["i1"]]}).write_parquet("users.parquet")
    pl.read_parquet("users.parquet").clear().write_parquet("empty.parquet")
    pl.DataFrame({"user": ["u"], "item": ["i1"], "timestamp": [1]}).write_parquet("log.parquet")
    given = [
        *("--users", "users.parquet") * ("--users" not in arguments),
        *("--out", "new") * ("--out" not in arguments),
    ]
    agree(refused("recommend", best, *given, *arguments), *problems)


def test_what_ray_does_not_answer(best: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fearec_cli.cli.show.extras.find_spec", lambda module: True)
    problems = refused("recommend", best, "--history", "i1", "--engine", "ray")
    agree(problems, "--engine ray: answers --users, not --history", "writes a directory of .parquet files")
    monkeypatch.setattr("fearec_cli.cli.show.extras.find_spec", lambda module: None)
    problems = refused("recommend", best, "--users", "u.parquet", "--engine", "ray", "--out", "a")
    agree(problems, r"this needs ray, not installed: pip install 'fearec\[ray\]'")


def test_a_table_is_answered_by_this_process_too(best: Path) -> None:
    users = write_users(50)
    done("recommend", best, "--users", users, "--out", "all.jsonl", "--k", "2")
    Path("histories.txt").write_text("".join(",".join(row) + "\n" for row in pl.read_parquet(users)["items"]))
    done("recommend", best, "--users", "histories.txt", "--out", "lines.jsonl", "--k", "2")
    table, lines = pl.read_ndjson("all.jsonl"), pl.read_ndjson("lines.jsonl")
    assert table["items"].to_list() == lines["items"].to_list()
    assert table["user"].to_list() == [f"u{row}" for row in range(50)]
    done("recommend", best, "--users", users, "--out", "some.jsonl", "--k", "2", "--shard", "2/3")
    assert pl.read_ndjson("some.jsonl")["user"].to_list() == table["user"].to_list()[1::3]
    agree(refused("recommend", best, "--users", users, "--set", "parquet.user=a"), "--set: users.parquet is a table")
