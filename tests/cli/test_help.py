"""What the command line tells of itself, and that telling it is quick."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from fearec_cli.api import Options
from fearec_cli.cli.main import app
from fearec_cli.components.options import describe_options
from fearec_cli.components.registry import Registered, load_adapters, load_components
from fearec_cli.config import ModelConfig, TrainingConfig, preset_names, preset_text
from support.commands import done, fearec

COMMANDS = list(typer.main.get_command(app).summaries)
# typer itself imports pydantic.
HEAVY = {"torch", "polars", "numpy", "safetensors", "rich.progress"}


def imported(*commands: list[str]) -> set[str]:
    """Modules that a fresh process has after these commands, each of which must end well."""
    code = (
        "import sys\n"
        "from fearec_cli.cli.main import main\n"
        f"for command in {list(commands)!r}:\n"
        "    sys.argv = ['fearec', *command]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code, end.code\n"
        "print('modules:', *sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.rpartition("modules:")[2].split())


def test_help_imports_nothing_heavy() -> None:
    modules = imported(["--help"], *([command, "--help"] for command in COMMANDS), ["--version"])
    assert "typer" in modules
    assert not modules & HEAVY


def test_preparing_data_never_imports_torch() -> None:
    Path("log.txt").write_text("u a b c d\nv b c d a\n")
    modules = imported(
        ["datasets"],
        *(["datasets", entry.name] for entry in load_adapters()),
        ["prepare", "demo"],
        ["prepare", "sequences", "--from", "log.txt"],
    )
    assert "polars" in modules
    assert "torch" not in modules


def test_training_never_imports_the_compiler() -> None:
    train = ["train", "demo", "--max-steps", "1", "--set", "model.dim=16", "--set", "training.batch_size=16"]
    modules = imported(["prepare", "demo"], [*train, "--out", "run"], ["evaluate", "run/best.safetensors"])
    assert "torch" in modules
    assert "torch._dynamo" not in modules


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)], ids=str)
def test_help(command: list[str]) -> None:
    printed = done(*command, "--help")
    assert printed.startswith("Usage: fearec")
    assert "--help" in printed


def test_every_command_has_a_line_in_the_help() -> None:
    listed = done("--help").partition("Commands:")[2]
    assert re.findall(r"^  ([a-z-]+) +\S", listed, re.MULTILINE) == COMMANDS
    assert {"prepare", "train", "evaluate", "components", "datasets"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(command: str) -> None:
    _, _, options = done(command, "--help").partition("Options:\n")
    # An option begins a line with two blanks; its explanation follows there, or on the next line.
    entries = re.split(r"\n(?=  -)", options.rstrip("\n"))
    assert len(entries) > 0
    for entry in entries:
        words = re.sub(r"^ *--?\S+( *<?[A-Z][A-Z_.=]*>?| *\[[^\]]*\]| *<[^>]*>)?", "", entry).strip()
        assert len(words.split()) >= 2, entry


def test_version() -> None:
    assert done("--version") == f"fearec {version('fearec')}\n"


COMPONENTS = [*load_components(), *load_adapters()]


@pytest.mark.parametrize(("command", "registry"), [("components", load_components()), ("datasets", load_adapters())])
def test_everything_that_is_plugged_in_is_listed(command: str, registry) -> None:
    rows = [line.strip().split(maxsplit=3) for line in done(command).splitlines() if line.strip()]
    listed = {row[0]: row[1:] for row in rows}
    for entry in registry:
        assert listed[entry.name] == [entry.package, entry.version, entry.component.summary]
    kinds = [row[0] for row in rows if row[1:] == ["package", "summary"]]
    assert kinds == sorted({entry.kind for entry in registry}, key=kinds.index)


def test_settings_and_presets_are_listed() -> None:
    printed = done("components")
    for name in ("model", "training", *preset_names()):
        assert re.search(rf"^{name} +\S.*\. *$", printed, re.MULTILINE), name


@pytest.mark.parametrize(("section", "model"), [("model", ModelConfig), ("training", TrainingConfig)])
def test_the_settings_of_a_section_are_described(section: str, model: type[Options]) -> None:
    lines = done("components", section).splitlines()
    assert lines[:2] == [f"name     {section}", "kind     settings"]
    shown = {line.split()[0]: line for line in lines[5:]}
    for row in describe_options(model):
        line = shown[f"{section}.{row.name}"]
        assert row.default in line
        assert row.description in line


def test_a_preset_is_described_by_its_file() -> None:
    printed = done("components", "sasrec")
    assert printed == preset_text("sasrec")
    assert printed.startswith("# SASRec")


@pytest.mark.parametrize("entry", COMPONENTS, ids=lambda entry: entry.name)
def test_all_about_one_component(entry: Registered) -> None:
    lines = done("datasets" if entry.kind == "adapter" else "components", entry.name).splitlines()
    about = dict(line.split(maxsplit=1) for line in lines[:5])
    assert about == {
        "name": entry.name,
        "kind": entry.kind,
        "package": f"{entry.package} {entry.version}",
        "summary": entry.component.summary,
        "source": entry.component.source,
    }
    options = describe_options(entry.component.options)
    if not options:
        assert lines[-1] == "It has no options."
        return
    assert lines[6].split() == ["option", "type", "default", "bounds", "description"]
    for line, row in zip(lines[7:], options, strict=True):
        wanted = (f"{entry.name}.{row.name}", row.type, row.default, row.bounds, row.description)
        assert " ".join(line.split()) == " ".join(" ".join(wanted).split())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["components", "autocor"], "no component is called 'autocor'; did you mean the attention 'autocorr'?"),
        (["components", "zzz"], "no component is called 'zzz'; `fearec components` lists what there is"),
        (["datasets", "cvs"], "no source is called 'cvs'; did you mean the source 'csv'?"),
    ],
    ids=str,
)
def test_a_mistyped_name_is_answered_with_the_nearest(arguments: list[str], problem: str) -> None:
    result = fearec(*arguments)
    assert (result.code, result.out, result.err) == (2, "", f"error: {problem}\n")


def test_a_mistyped_command_is_answered_with_the_nearest() -> None:
    result = fearec("trian")
    assert result.code == 2
    assert "'train'" in result.err
    assert "Traceback" not in result.err


def test_evaluation_imports_nothing_of_training() -> None:
    train = ["train", "demo", "--max-steps", "1", "--set", "model.dim=16", "--out", "run"]
    imported(["prepare", "demo", "--set", "demo.users=20"], train)
    modules = imported(["evaluate", "run/best.safetensors"])
    assert "fearec_cli.evaluation.ranks" in modules
    assert not [name for name in modules if name.startswith("fearec_cli.training")]
