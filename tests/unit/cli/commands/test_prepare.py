"""`fearec prepare`: where it writes, when it refuses, what it prints."""

from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fearec_cli.cli.commands.prepare import prepare
from fearec_cli.data.prepared import open_prepared
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.errors import ConfigError, DataError, FearecError, OutputError, PluginError

app = typer.Typer()
app.command()(prepare)


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.txt").write_text("u 1 2 3 4\nv 2 3 4 5 6\n")
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=True)
    if result.exception and isinstance(result.exception, FearecError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_statistics_are_printed_a_line_each() -> None:
    output = run("sequences", "--from", "log.txt")
    lines = [line.split("  ", 1) for line in output.splitlines()]
    printed = {line[0].strip(): line[1].strip() for line in lines if len(line) == 2}
    assert printed["users"] == "2"
    assert printed["items"] == "6"
    assert printed["interactions"] == "9"
    assert printed["mean length"] == "4.50"
    assert printed["train prefixes"] == "3"
    assert printed["period"] == "no times"
    assert output.splitlines()[-1] == "wrote data/sequences"


def test_every_choice_is_recorded() -> None:
    run("sequences", "--from", "log.txt", "--out", "here/small", "--min-length", "5", "--deduplicate", "all")
    manifest = open_prepared(Path("here/small")).manifest
    assert manifest.name == "small"
    assert manifest.settings.model_dump(exclude_none=True) == {
        "split": "leave-one-out",
        "order": "oldest-first",
        "deduplicate": "all",
        "k_core": 0,
        "core_on": "all",
        "min_length": 5,
        "max_users": 0,
        "seed": 0,
    }
    assert manifest.made_by == {"fearec": version("fearec")}
    assert manifest.kept == {"in the source": 9, "without repeats (all)": 9, "of users long enough": 5}
    assert manifest.source.location == "log.txt"
    assert manifest.counts.users == 1


def test_the_same_again_is_done_already() -> None:
    run("sequences", "--from", "log.txt")
    before = Path("data/sequences").stat().st_ino
    assert "already prepared: data/sequences" in run("sequences", "--from", "log.txt")
    assert Path("data/sequences").stat().st_ino == before


def test_other_choices_replace_only_when_forced() -> None:
    run("sequences", "--from", "log.txt")
    with pytest.raises(OutputError, match=r"data/sequences: holds .* --force.* --out"):
        run("sequences", "--from", "log.txt", "--min-length", "5")
    assert "wrote" in run("sequences", "--from", "log.txt", "--min-length", "5", "--force")
    assert open_prepared(Path("data/sequences")).n_users == 1


def test_not_even_force_removes_what_is_no_data_set(workplace: Path) -> None:
    (workplace / "mine").mkdir()
    (workplace / "mine" / "letter.txt").touch()
    with pytest.raises(OutputError, match="mine: exists and is not a prepared data set"):
        run("sequences", "--from", "log.txt", "--out", "mine", "--force")
    assert (workplace / "mine").is_dir()


def test_the_adapter_proposes_the_k_core_and_the_user_decides() -> None:
    Path("log.csv").write_text("user,item\n" + "u,a\nu,b\nu,c\nu,d\n")
    arguments = ("csv", "--from", "log.csv", "--set", "csv.time=")
    with pytest.raises(DataError, match="the 5-core is empty"):
        run(*arguments)
    run(*arguments, "--k-core", "0")
    assert open_prepared(Path("data/csv")).manifest.settings.k_core == 0


def test_options_reach_the_adapter() -> None:
    prepared, written = prepare_source("demo", assignments=["demo.users=5", "demo.seed=3"])
    assert written
    assert prepared.n_users == 5
    assert prepared.manifest.source.options == {"users": 5, "seed": 3, "periods": [7, 30]}
    assert prepared.manifest.notes["planted"]


def test_every_problem_of_the_options_is_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        prepare_source("demo", assignments=["demo.users=1", "csv.unit=s", "demo.sede=3", "demo"])
    assert len(caught.value.problems) == 4


def test_a_mistyped_source_is_answered_with_the_nearest() -> None:
    with pytest.raises(PluginError, match="did you mean the source 'sequences'"):
        run("sequence")


def test_a_rating_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--min-rating: must be a number"):
        run("sequences", "--from", "log.txt", "--min-rating", "nan")
