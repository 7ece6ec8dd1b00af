"""The commands of docs/comparing.md run, with a tiny model, as they follow one another."""

import re
import shlex
from pathlib import Path

from support.commands import TINY, done

_COMMAND = re.compile(r"^\$ fearec (.*)$", re.MULTILINE)
PAGE = Path(__file__).parents[2] / "docs" / "comparing.md"


def shortened(command: list[str]) -> list[str]:
    """The command as it stands, with less to do."""
    if command[0] == "tune":
        fewer = [{"20": "2"}.get(part, part) for part in command]
        return [*fewer, *([] if "--trials" in command else ["--trials", "1"]), *TINY, "--set", "training.max_steps=2"]
    if command[0] == "train" and "--resume" not in command:
        return [*command, *TINY, "--max-steps", "2"]
    return command


def test_every_command_of_the_page_runs() -> None:
    console = "".join(re.findall(r"^```console\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL))
    commands = [shlex.split(line) for line in _COMMAND.findall(console)]
    assert {command[0] for command in commands} == {"train", "results", "compare", "tune"}
    done("prepare", "demo", "--set", "demo.users=60")
    for command in commands:
        assert done(*shortened(command))
    assert Path("results.md").is_file()
    assert Path("compared.json").is_file()
    assert Path("trials.log").is_file()
