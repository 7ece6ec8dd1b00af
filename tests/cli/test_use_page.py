"""docs/use.md: its commands, its Python and its requests do what the page says."""

import json
import re
import shlex
from pathlib import Path

import pytest

from support.commands import fearec, sequences
from support.http_server import ask, started

PAGE = (Path(__file__).parents[2] / "docs" / "use.md").read_text("utf-8")
SMALL = ("model.dim=8", "model.inner=16", "model.max_length=10", "training.batch_size=32", "training.device=cpu")


def blocks(language: str) -> list[str]:
    """Texts of the page's blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def commands(program: str) -> list[list[str]]:
    """Arguments of the page's commands."""
    lines = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(f"{program} ")]


def test_every_command_every_line_of_python_and_every_request_works(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(user, f"weekly0-{item[1:]}", at) for user, items in sequences().items() for at, item in enumerate(items)]
    Path("log.csv").write_text("customer,article,bought_at\n" + "".join(f"{u},{i},{10**9 + t}\n" for u, i, t in rows))
    Path("histories.txt").write_text("weekly0-1,weekly0-2\nnobody\n" * 6)
    Path("shop.txt").write_text("weekly0-3\nweekly0-4\n")
    Path("sold-out.txt").write_text("weekly0-4\n")
    shown = commands("fearec")
    assert len(shown) == 10
    served = [arguments for arguments in shown if arguments[0] == "serve"]
    for arguments in shown:
        smaller = arguments[0] == "train"
        if arguments not in served:
            result = fearec(*arguments, *(part for setting in SMALL * smaller for part in ("--set", setting)))
            assert (result.code, result.err) == (0, ""), f"fearec {shlex.join(arguments)}: {result}"
    for name in ("all.parquet", "some.jsonl", "part-2.csv"):
        assert Path(name).is_file()

    namespace = {"__name__": "page"}
    for source in blocks("python"):
        exec(source, namespace)
    assert capsys.readouterr().out == "".join(blocks("text"))

    ((*first, port),) = served
    assert port == "8000"
    with started("-m", "fearec_cli", *first, "0", "--device", "cpu") as (_, port):
        replies = []
        for options in commands("curl"):
            body = json.loads(options[1]) if options[0] == "--json" else None
            replies.append((options[-1], ask(port, options[-1].removeprefix("localhost:8000"), body)))
        (shown_error,) = [json.loads(block) for block in blocks("json")]
        wrong = ask(port, "/recommend", {"history": ["weekly0-1"], "k": 5_000})
    assert len(replies) == 3
    for address, reply in replies:
        assert reply.status == 200, address
    fields = re.findall(r"\| (?:POST|GET) (/\w+) \|[^|]*\| ([^|]*) \|", PAGE)
    for (path, named), (address, reply) in zip(fields, replies, strict=True):
        assert address.endswith(path)
        assert set(reply.content) == set(re.findall(r"`(\w+)`", named.partition(";")[0]))
    assert (wrong.content | {"title": ""}) == (shown_error | {"title": ""})
