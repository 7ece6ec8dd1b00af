"""Models on the Hub: pushed, fetched by every command that takes a checkpoint, and every way to fail in one line."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fearec_cli import Recommender
from fearec_cli.runs.checkpoint import save_checkpoint
from hub.test_hub import closed_port
from support import tiny
from support.commands import agree, done, refused
from support.exported import checkpoint
from support.hub_client import Outcomes, environment, fearec
from support.hub_server import Fault, HubServer, Repository

# The first are left to the clients' own patience, which the others would try for minutes.
PATIENT: tuple[Fault, ...] = (
    *("gated", "503 on HEAD", "503 on GET", "429", "drop on HEAD", "drop on GET", "cut", "web page", "proxy"),
    "xet refuses",
)
IMPATIENT: tuple[Fault, ...] = ("429 for long", "silence on HEAD", "silence on GET", "xet silence")
PUSH: tuple[Fault, ...] = ("503 on POST", "429", "drop on POST", "silence on POST", "proxy", "read only")
TOKEN = "hf_secret"
SHORT = {"HF_HUB_ETAG_TIMEOUT": "2", "HF_HUB_DOWNLOAD_TIMEOUT": "1"}
RECOMMEND = ("--history", "i1,i2", "--k", "3", "--json")


def name_of(fault: str) -> str:
    return "some/" + fault.replace(" ", "-").lower()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint."""
    path = tmp_path_factory.mktemp("checkpoint") / "best.safetensors"
    made = checkpoint(tiny.recipe("model.layers=1", preset="sasrec"))
    info = made.info.model_copy(update={"dataset": "shop | of <b>", "metrics": {"unmasked": {"NDCG@10": 0.12345}}})
    save_checkpoint(path, made.encoder, made.item_ids, info)
    return path


def test_pushed_and_fetched_again(file: Path, tmp_path: Path) -> None:
    with HubServer({}) as server:
        # By Xet, which the stand-in does not have, the client would send the large file otherwise.
        known = {"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0", "HF_HUB_DISABLE_XET": "1"}
        env = environment(server.url, tmp_path / "home", **known)

        def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
            return fearec(*arguments, env={**env, **variables}, cwd=tmp_path)

        pushed = run("push", str(file), "me/shop", "--data-license", "CC BY 4.0", "--license", "mit")
        assert pushed.returncode == 0, pushed.stderr
        match = re.search(r"^pushed: hub:me/shop@([0-9a-f]{40})$", pushed.stdout, re.MULTILINE)
        assert match
        commit = match[1]
        assert server.created["me/shop"]["visibility"] == "private"
        files = server.repositories["me/shop"].commits[commit]
        assert files["model.safetensors"] == file.read_bytes()
        card = files["README.md"].decode()
        assert card.startswith('---\nlibrary_name: "fearec"\ntags: ["recommendation"')
        for shown in (
            'license: "mit"',
            "CC BY 4.0",
            "| NDCG@10 | 0.1235 |",
            "ab12",
            "shop \\| of &lt;b>",
            "max_length",
        ):
            assert shown in card

        answer = json.loads(run("recommend", "hub:me/shop", *RECOMMEND).stdout)
        expected = Recommender.load(file).recommend([["i1", "i2"]], k=3)
        assert answer["items"] == expected.items[0]

        again = run("push", str(file), "me/shop")
        assert (again.returncode, again.stdout) == (2, "")
        assert again.stderr == (
            "error: hub:me/shop: the repository already exists; choose another name, or use --force to add a "
            "commit to it\n"
        )
        assert run("push", str(file), "me/shop", "--force", "--data-license", "ODbL").returncode == 0
        assert (
            "ODbL"
            in server.repositories["me/shop"]
            .commits[server.repositories["me/shop"].branches["main"]]["README.md"]
            .decode()
        )
    # Pinned, and in the cache: no network is needed.
    code = "import sys; from fearec_cli import Recommender; print(Recommender.load(sys.argv[1]).items[0])"
    command = [sys.executable, "-c", code, f"hub:me/shop@{commit}"]
    assert subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout == "i1\n"


@pytest.fixture(scope="module", autouse=True)
def failing(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Outcomes]]:
    """All that fails, under way while the other tests run."""
    home = tmp_path_factory.mktemp("home")
    files = {"model.safetensors": b"x"}
    repositories = {name_of(fault): Repository.of(files, fault) for fault in (*PATIENT, *IMPATIENT, *PUSH)}
    repositories["some/model"] = Repository.of({"other.bin": b"x"})
    with HubServer(repositories) as server, closed_port() as nobody:
        known = {"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}
        patient = [*map(name_of, PATIENT), "some/nothing", "some/model", "some/model@v9", "some", "a b/c"]
        push = [*map(name_of, PUSH), "a b/c"]
        impatient = [name_of(fault) for fault in IMPATIENT]
        offline, wrong = {"HF_HUB_OFFLINE": "1"}, {**known, "HF_TOKEN": "hf_wrong"}
        yield [
            Outcomes("fetch", patient, environment(server.url, home / "a"), file),
            Outcomes("fetch", impatient, environment(server.url, home / "b", **SHORT), file),
            Outcomes("fetch", ["no/network"], environment(nobody, home / "c"), file),
            Outcomes("fetch", ["is/offline"], environment(server.url, home / "d", **offline), file),
            Outcomes("push", push, environment(server.url, home / "e", **known), file),
            Outcomes("push", ["no/network"], environment(nobody, home / "f", **known), file),
            Outcomes("push", ["no/token"], environment(server.url, home / "g"), file),
            Outcomes("push", ["wrong/token"], environment(server.url, home / "h", **wrong), file),
        ]


@pytest.fixture(scope="module")
def said(failing: list[Outcomes]) -> dict[tuple[str, str], str]:
    """What became of it."""
    return {(each.command, name): text for each in failing for name, text in each.outcomes().items()}


@pytest.mark.parametrize(
    ("command", "name", "message"),
    [
        ("fetch", name_of("gated"), r"is gated: ask for access at https://huggingface.co/some/gated, then log in"),
        ("fetch", name_of("503 on HEAD"), r"answers 503 Service Unavailable; try again later"),
        ("fetch", name_of("503 on GET"), r"answers 503 Service Unavailable; try again later"),
        ("fetch", name_of("429"), r"answers 429, too many requests; wait"),
        ("fetch", name_of("429 for long"), r"nothing came within 10 seconds; Rate limited"),
        ("fetch", name_of("drop on HEAD"), r"cannot be reached.*; check the network"),
        ("fetch", name_of("drop on GET"), r"broke off .*; check the network"),
        ("fetch", name_of("cut"), r"broke off .*; check the network"),
        ("fetch", name_of("silence on HEAD"), r"nothing came within 10 seconds.*; check the network"),
        ("fetch", name_of("silence on GET"), r"(nothing came|timed out).*; check the network"),
        ("fetch", name_of("web page"), r"is a web page \(HTML\), .*; then remove .* and try again"),
        ("fetch", name_of("proxy"), r"is not the Hub .*; check the network"),
        ("fetch", name_of("xet refuses"), r"Xet storage does not give .*; set HF_HUB_DISABLE_XET=1 to"),
        ("fetch", name_of("xet silence"), r"Xet .*nothing came within 10 seconds\); set HF_HUB_DISABLE_XET=1"),
        ("fetch", "some/nothing", r"there is no model repository some/nothing, or it is private"),
        ("fetch", "some/model", r"has no such file at revision 'main'"),
        ("fetch", "some/model@v9", r"has no revision 'v9'"),
        ("fetch", "some", r"names no model of the Hub; write hub:OWNER/NAME"),
        ("fetch", "a b/c", r"names no model of the Hub; write hub:OWNER/NAME"),
        ("fetch", "no/network", r"cannot be reached.*; check the network"),
        ("fetch", "is/offline", r"HF_HUB_OFFLINE forbids to fetch it"),
        ("push", name_of("503 on POST"), r"answers 503 Service Unavailable; try again later"),
        ("push", name_of("429"), r"answers 429, too many requests; wait"),
        ("push", name_of("drop on POST"), r"the Hub cannot be reached.*; check the network"),
        ("push", name_of("silence on POST"), r"the Hub cannot be reached.*; check the network"),
        ("push", name_of("proxy"), r"the Hub cannot be reached, broke off or is not the Hub"),
        ("push", name_of("read only"), r"answers 403; log in by `hf auth login`, or set HF_TOKEN"),
        ("push", "no/network", r"the Hub cannot be reached.*; check the network"),
        ("push", "no/token", r"(there is no token|answers 401); log in by `hf auth login`"),
        ("push", "wrong/token", r"answers 401; log in by `hf auth login`"),
    ],
)
def test_every_failure_is_one_line(said: dict[tuple[str, str], str], command: str, name: str, message: str) -> None:
    text = said[command, name]
    assert text.startswith(f"error: hub:{name.partition('@')[0]}")
    assert "\n" not in text
    assert re.search(message, text), text
    assert TOKEN not in text
    assert "hf_wrong" not in text


def test_a_repository_whose_name_is_none_is_not_asked_for(said: dict[tuple[str, str], str]) -> None:
    assert said["push", "a b/c"] == "error: a b/c: names no repository of the Hub; write OWNER/NAME"


def test_the_card_can_be_read_before(file: Path) -> None:
    shown = done("push", file, "me/shop", "--dry-run")
    assert "# me/shop" in shown
    assert "not stated by who published this model" in shown


def test_an_export_of_a_model_of_the_hub_needs_a_name() -> None:
    agree(refused("export", "hub:me/shop"), "hub:me/shop: name the ONNX file with --out FILE.onnx")
