"""docs/onnx.md and docs/sharing.md: every console block does what the page shows, on a small model."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import hub_client
from support.commands import fearec
from support.hub_server import HubServer

DOCS = Path(__file__).parents[2] / "docs"
# What a page shows stands for: items of the small model, any number, any commit.
ITEMS = {"sku-0209,sku-0210": "i1,i2"}
COMMIT = "3f1c..."


def steps(page: str) -> Iterator[tuple[str, list[str]]]:
    """Every command of a page, and the lines that it is shown to print."""
    for block in re.findall(r"^```console\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for command in block.removeprefix("$ ").split("\n$ "):
            first, *printed = command.strip().splitlines()
            yield first, printed


def pattern(line: str) -> str:
    """What a printed line may be."""
    return re.sub(r"(?<![\w-])[0-9][0-9e.-]*", r"[0-9e.-]+", re.escape(line).replace(r"\-", "-"))


@pytest.fixture
def first(best: Path) -> None:
    """The pages' checkpoint."""
    Path("runs/first").mkdir(parents=True)
    shutil.copy(best, "runs/first/best.safetensors")


@pytest.mark.usefixtures("first")
def test_onnx() -> None:
    ran = []
    for command, printed in steps("onnx.md"):
        program, *arguments = shlex.split(command)
        if program == "pip":  # the extra is there already
            continue
        result = fearec(*arguments)
        assert (result.code, result.err) == (0, ""), command
        assert re.fullmatch("\n".join(map(pattern, printed)), result.out.strip()), result.out
        ran.append(arguments[0])
    assert ran == ["export"]


@pytest.mark.usefixtures("first")
def test_sharing(tmp_path: Path) -> None:
    ran, commit = [], COMMIT
    with HubServer({}) as server:
        known = {"HF_TOKEN": "hf_secret", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0", "HF_HUB_DISABLE_XET": "1"}
        env = hub_client.environment(server.url, tmp_path / "home", **known)
        for command, printed in steps("sharing.md"):
            program, *arguments = shlex.split(command)
            if program == "hf":  # the token is in the environment
                continue
            arguments = [ITEMS.get(each, each.replace(COMMIT, commit)) for each in arguments]
            ran.append(arguments[0])
            if arguments[0] == "evaluate":  # needs no Hub, so no process of its own
                assert fearec(*arguments).code == 0
                continue
            run = hub_client.fearec(*arguments, env=env, cwd=tmp_path)
            assert run.returncode == 0, f"{command}: {run.stderr}"
            for shown in printed:
                (commit,) = re.findall(re.escape(shown).replace(re.escape(COMMIT), "([0-9a-f]{40})"), run.stdout)
        card = server.repositories["me/shop-recommender"].commits[commit]["README.md"].decode()
    assert ran == ["evaluate", "push", "recommend", "recommend"]
    assert re.search(r"^\| NDCG@10 \| 0\.\d{4} \[0\.\d{4}, 0\.\d{4}\] \|", card, re.MULTILINE)
    assert "CC BY 4.0" in card
