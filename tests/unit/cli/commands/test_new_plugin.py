"""`fearec new-plugin`: what it writes, and what it refuses. That its packages work is tested in tests/packaging."""

import shlex
import tomllib
from pathlib import Path

import pytest

from fearec_cli.cli.commands.new_plugin import PluginKind, new_plugin
from fearec_cli.components.registry import HOOKS
from fearec_cli.errors import ConfigError, FearecError, OutputError


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(name: str, kind: PluginKind = PluginKind.FILTER, out: Path | None = None) -> str:
    before = sorted(Path().rglob("*"))
    with pytest.raises(FearecError) as caught:
        new_plugin(name, kind, out)
    assert sorted(Path().rglob("*")) == before
    return str(caught.value)


def test_there_is_a_template_for_every_kind() -> None:
    assert [kind.value for kind in PluginKind] == list(HOOKS)


@pytest.mark.parametrize("kind", PluginKind)
def test_what_is_written(kind: PluginKind, capsys: pytest.CaptureFixture[str]) -> None:
    new_plugin("fearec-two-taps", kind, None)
    home = Path("fearec-two-taps")
    assert {file.relative_to(home).as_posix() for file in home.rglob("*") if file.is_file()} == {
        "README.md",
        "pyproject.toml",
        "src/fearec_two_taps/__init__.py",
        "src/fearec_two_taps/py.typed",
        f"src/fearec_two_taps/{kind}.py",
        f"tests/test_{kind}.py",
    }
    project = tomllib.loads((home / "pyproject.toml").read_text())["project"]
    group = "fearec.adapters" if kind is PluginKind.ADAPTER else "fearec.components"
    assert project["name"] == "fearec-two-taps"
    assert project["entry-points"] == {group: {"two-taps": f"fearec_two_taps.{kind}"}}
    source = (home / f"src/fearec_two_taps/{kind}.py").read_text()
    assert "class TwoTaps" in source
    assert 'name="two-taps"' in source
    assert HOOKS[kind.value] in source
    assert not any("$" in file.read_text().replace("\n$ ", "") for file in home.rglob("*") if file.is_file())
    assert "pip install --editable './fearec-two-taps[dev]'" in capsys.readouterr().out


def test_another_place() -> None:
    new_plugin("taps", PluginKind.LOSS, Path("deep/below"))
    assert Path("deep/below/src/taps/loss.py").is_file()


@pytest.mark.parametrize("parent", ["it's; rm x #", "$(touch x)"])
@pytest.mark.parametrize("absolute", [False, True])
def test_the_next_command_reads_back_as_its_words(
    parent: str, absolute: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = (tmp_path if absolute else Path()) / parent / "taps"
    new_plugin("taps", PluginKind.FILTER, directory)
    command = capsys.readouterr().out.split("next: ")[1].split(", then change")[0]
    place = str(directory) if absolute else f"./{directory}"
    assert shlex.split(command) == ["pip", "install", "--editable", f"{place}[dev]", "&&", "pytest", place]


@pytest.mark.parametrize(
    "name",
    ["", "Taps", "my_taps", "4taps", "taps-", "-taps", "a--b", "a b", "../taps", "täps", "a" * 31, "fearec-4taps"],
)
def test_a_bad_name(name: str) -> None:
    assert f"{name!r} is not a name for a plugin" in refused(name)


@pytest.mark.parametrize("name", ["fearec", "fearec-model", "filter", "class", "fearec-training"])
def test_a_name_with_a_meaning_of_its_own(name: str) -> None:
    assert f"{name!r} is not a name for a plugin" in refused(name)
    assert "is reserved" in refused(name)


def test_a_module_that_is_there_already() -> None:
    assert refused("json") == "'json': a module 'json' is installed already; choose another name"
    assert "a module 'fearec_plugins' is installed already" in refused("fearec-plugins")


def test_a_part_that_is_there_already() -> None:
    text = refused("fearec-window", PluginKind.LOSS)
    assert text.startswith("'fearec-window': the name 'window' is taken, by the filter 'window' of package 'fearec ")
    assert "by the adapter 'demo'" in refused("fearec-demo", PluginKind.ADAPTER)


def test_a_directory_that_is_there_already() -> None:
    Path("taps").mkdir()
    Path("taps/mine").touch()
    with pytest.raises(OutputError, match="taps: already exists; choose another place or remove it first"):
        new_plugin("taps", PluginKind.FILTER, None)
    assert list(Path("taps").iterdir()) == [Path("taps/mine")]


def test_a_place_that_cannot_be_written(workplace: Path) -> None:
    (workplace / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        new_plugin("taps", PluginKind.FILTER, Path("file/taps"))


def test_every_problem_is_the_users() -> None:
    with pytest.raises(ConfigError):
        new_plugin("Taps", PluginKind.FILTER, None)
