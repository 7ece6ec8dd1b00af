"""What README.md and the examples tell a reader to type works as they say."""

import gzip
import re
import shlex
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from support.commands import fearec, sequences, write_sequences

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The model shrinks, so that the commands take seconds here and not minutes; what they do is the same.
SMALL = ("model.dim=8", "model.inner=16", "model.max_length=10", "training.batch_size=32", "training.device=cpu")


class Command(NamedTuple):
    """A line that begins with "$", and what the README shows below it."""

    arguments: list[str]
    output: str


def commands(program: str, text: str = README) -> list[Command]:
    """The commands of a program in the console blocks of a text, in order."""
    found: list[Command] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, output = part.partition("\n")
            name, *arguments = shlex.split(line, comments=True)
            if name == program:
                found.append(Command(arguments, output))
    return found


def write_logs() -> None:
    """Files of the names that the README uses, with times, and large enough for a 5-core."""
    rows = [(user, item, 1_600_000_000 + at) for user, items in sequences().items() for at, item in enumerate(items)]
    Path("log.csv").write_text("customer,article,bought_at\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    Path("ml-100k.inter").write_text(header + "".join(f"{u}\t{i}\t3\t{t}\n" for u, i, t in rows))
    text = write_sequences(Path("beauty.txt")).read_bytes()
    Path("beauty.txt.gz").write_bytes(gzip.compress(text))


def test_every_command_does_what_the_readme_shows() -> None:
    write_logs()
    shown = commands("fearec")
    assert len(shown) > 10
    for arguments, output in shown:
        expected = 2 if output.startswith("error: ") else 0
        smaller = arguments[0] == "train" and expected == 0
        result = fearec(*arguments, *(part for setting in SMALL * smaller for part in ("--set", setting)))
        assert result.code == expected, f"fearec {shlex.join(arguments)}: {result}"
        if expected:
            assert result.err == output
        else:
            assert result.err == ""
            assert output in result.out


def test_every_command_of_the_page_on_data_works() -> None:
    write_logs()
    shown = commands("fearec", (ROOT / "docs/data.md").read_text(encoding="utf-8"))
    assert shown
    for arguments, _ in shown:
        result = fearec(*arguments)
        assert (result.code, result.err) == (0, ""), f"fearec {shlex.join(arguments)}: {result}"


def test_the_walk_from_a_log_to_its_periods_goes_as_it_says() -> None:
    write_logs()
    page = (ROOT / "examples/periods.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(source, "examples/periods.md", "exec"), {})
    shown = commands("fearec", page)
    assert [command.arguments[0] for command in shown] == ["prepare", "train", "inspect"] * 2
    printed = []
    for arguments, _ in shown:
        smaller = [*(part for setting in SMALL for part in ("--set", setting)), "--max-steps", "2"]
        result = fearec(*arguments, *(smaller if arguments[0] == "train" else []))
        assert (result.code, result.err) == (0, ""), f"fearec {shlex.join(arguments)}: {result}"
        printed.append(result.out)
    (habit,) = re.findall(r"\*Users return to items (daily \(24 hours[^)]*\))\.\*", page)
    assert habit in printed[-1]
    assert "comes back to an item" in printed[2]
    assert all(Path(name).is_file() for name in ("ml-100k.html", "ml-100k.json", "listening.html"))


def test_every_file_that_a_command_writes_is_there() -> None:
    """`--out` and `--json` of the README's first commands, which the text under them goes through."""
    for arguments, _ in commands("fearec")[:3]:
        small = [part for setting in SMALL for part in ("--set", setting)] if arguments[0] == "train" else []
        assert fearec(*arguments, *small).code == 0
    text = README.partition("## From a log to scores")[2].partition("\n## ")[0]
    for name in ("best.safetensors", "metrics.jsonl", "run.toml"):
        assert f"`{name}`" in text
        assert Path("runs/first", name).is_file()
    assert Path("runs/first.json").is_file()
    assert Path("data/demo/dataset.json").is_file()


def test_every_make_command_is_a_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    shown = [argument for command in commands("make") for argument in command.arguments]
    assert shown
    for target in shown:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    assert set(re.search(r"^\.PHONY:(.*)$", makefile, re.MULTILINE)[1].split()) >= set(shown)


def test_every_document_that_is_linked_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_an_example_runs_by_the_command_at_its_head(example: Path) -> None:
    head = example.read_text().partition("\n\n")[0].splitlines()
    lines = [line.removeprefix("# ") for line in head if line.startswith("# fearec ")]
    assert lines, f"{example.name} begins with no command"
    shutil.copytree(ROOT / "examples", "examples", ignore=shutil.ignore_patterns("fearec-*"))
    write_logs()
    for line in lines:
        command = re.sub(r" --time-limit \S+", "", line).removeprefix("fearec ")
        arguments = shlex.split(command, comments=True)
        if arguments[0] == "train":
            assert f"examples/{example.name}" in arguments
            arguments += ["--max-steps", "1", "--set", "training.device=cpu"]
        result = fearec(*arguments)
        assert (result.code, result.err) == (0, ""), f"fearec {shlex.join(arguments)}"


def test_the_demo_of_the_makefile_trains_the_default() -> None:
    target = (ROOT / "Makefile").read_text().partition("\ndemo:")[2].partition("\n\n")[0]
    lines = re.findall(r"\$\(BIN\)/fearec (.*)", target)
    assert [line.split()[0] for line in lines] == ["prepare", "train", "evaluate"]
    assert lines[1] == "train demo --time-limit 2 --out runs/demo"
