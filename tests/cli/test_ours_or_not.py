"""Nothing of anybody else's is removed, replaced or opened in the place of a file of ours."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fearec_cli.data.preparing import steps
from support.commands import TINY, agree, contents, done, fearec, refused, write_sequences

LOG = "log.txt"
SOURCE = ("prepare", "sequences", "--from", LOG, "--out")


@pytest.fixture
def log() -> Path:
    return write_sequences(Path(LOG))


@pytest.mark.parametrize("manifest", ["{}", "[]", "not json", '{"format": 2}'])
def test_a_directory_with_a_file_of_that_name_is_no_data_set(log: Path, manifest: str) -> None:
    Path("mine").mkdir()
    Path("mine/dataset.json").write_text(manifest)
    Path("mine/letter.txt").write_text("precious")
    assert "is not a data set that fearec wrote" in refused(*SOURCE, "mine", "--force")[0]


@pytest.mark.parametrize("stranger", ["notes.md", "runs/best.safetensors"])
def test_a_data_set_with_something_else_in_it_is_not_replaced(log: Path, stranger: str) -> None:
    done(*SOURCE, "data/mine")
    Path("data/mine", stranger).parent.mkdir(exist_ok=True)
    Path("data/mine", stranger).write_text("precious")
    name = stranger.partition("/")[0]
    agree(refused(*SOURCE, "data/mine", "--force"), rf"^data/mine: also holds {name}, which --force would remove")


def test_a_source_in_the_place_of_the_output(log: Path) -> None:
    done(*SOURCE, "data/mine")
    Path(LOG).rename("data/mine/log.txt")
    lines = refused("prepare", "sequences", "--from", "data/mine/log.txt", "--out", "data/mine", "--force")
    agree(lines, "also holds log.txt|the source data/mine/log.txt lies in it")


def test_a_whole_data_set_of_ours_is_replaced_and_a_link_to_it_stays(log: Path) -> None:
    done(*SOURCE, "data/real")
    Path("data/link").symlink_to("real")
    before = Path("data/real/dataset.json").read_text()
    done(*SOURCE, "data/link", "--force", "--min-length", "9")
    assert Path("data/link").is_symlink()
    assert Path("data/real/dataset.json").read_text() != before


def test_an_empty_directory_is_taken(log: Path) -> None:
    Path("empty").mkdir()
    assert "wrote empty" in done(*SOURCE, "empty")


@pytest.mark.parametrize("name", ["best", "letter"])
def test_a_result_replaces_nothing_but_a_result(best: Path, name: str) -> None:
    letter = Path("letter.json")
    letter.write_text("precious")
    target = best if name == "best" else letter
    agree(refused("evaluate", best, "--json", target), "holds something that fearec did not write")
    done("evaluate", best, "--json", "result.json")
    done("evaluate", best, "--json", "result.json", "--k", "5")
    assert "HR@20" not in Path("result.json").read_text()


def test_a_pipe_stays_a_pipe_and_gets_the_result(best: Path) -> None:
    os.mkfifo("pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True)
    done("evaluate", best, "--json", "pipe")
    text, _ = reader.communicate(timeout=20)
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)
    assert "fingerprint" in json.loads(text)


def test_a_dash_is_standard_output(best: Path) -> None:
    printed = done("evaluate", best, "--json", "-")
    assert json.loads(printed[printed.index("{") :])["split"] == "test"
    assert not Path("-").exists()


@pytest.mark.parametrize("kind", ["link", "content", "directory", "pipe"])
def test_a_lock_that_is_not_ours_is_not_touched(toy: Path, kind: str) -> None:
    Path("run").mkdir()
    Path("precious.txt").write_text("precious")
    lock = Path("run/.lock")
    if kind == "link":
        lock.symlink_to("../precious.txt")
    elif kind == "content":
        lock.write_text("precious")
    elif kind == "directory":
        lock.mkdir()
    else:
        os.mkfifo(lock)
    result = fearec("train", toy, "--preset", "sasrec", *TINY, "--max-steps", "1", "--out", "run")
    assert result.code == 2
    assert "run/.lock: is not a lock of fearec" in result.err
    assert Path("precious.txt").read_text() == "precious"


def test_hidden_leftovers_do_not_keep_a_run_from_its_directory(toy: Path) -> None:
    Path("run").mkdir()
    Path("run/.DS_Store").touch()
    done("train", toy, "--preset", "sasrec", *TINY, "--max-steps", "1", "--out", "run")


@pytest.mark.parametrize("name", ["/tmp/evil", "../evil", "", "x" * 101, "a\nb", "..", "\x1b[2J"])
def test_a_foreign_data_set_does_not_choose_where_a_run_goes(toy: Path, name: str) -> None:
    manifest = json.loads((toy / "dataset.json").read_text())
    (toy / "dataset.json").write_text(json.dumps({**manifest, "name": name}))
    agree(refused("train", toy, "--max-steps", "1", *TINY), r"dataset.json: name: .*must be a printable name")


def test_brackets_in_a_path_are_a_path(log: Path) -> None:
    done(*SOURCE, "[2024] data/*/shop?")
    out = Path("[lr]0.1")
    run = ("train", "[2024] data/*/shop?", "--preset", "sasrec", *TINY, "--max-steps", "1", "--out", out)
    printed = done(*run)
    assert f"{out}/best.safetensors" in printed
    assert done("evaluate", out / "best.safetensors", "[2024] data/*/shop?")


@pytest.mark.parametrize("out", ["/", "data/" + "x" * 101, "data/.hidden", "data/caf\udce9", "data/two\nlines"])
def test_a_directory_whose_name_is_no_name(log: Path, out: str) -> None:
    assert "the directory's name becomes the data set's" in " ".join(refused(*SOURCE, out))


def test_hidden_data_sets_are_not_found(toy: Path) -> None:
    toy.rename("data/.toy.fearec-left")
    assert "(prepared: none)" in refused("train", "toy")[0]


@pytest.mark.parametrize("change", ["cut", "replaced", "removed", "longer"])
def test_a_log_that_changes_while_it_is_read(log: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = steps.encode

    def encode(*arguments: Any) -> Any:
        rows = real(*arguments)
        if change == "cut":
            os.truncate(LOG, 100)
        elif change == "replaced":
            Path("other.txt").write_text(Path(LOG).read_text())
            Path("other.txt").replace(LOG)
        elif change == "removed":
            Path(LOG).unlink()
        else:
            with Path(LOG).open("a") as file:
                file.write("u99 a b c d\n")
        return rows

    monkeypatch.setattr(steps, "encode", encode)
    result = fearec(*SOURCE, "data/mine")
    assert result.code == 2
    assert "log.txt: changed while it was read" in result.err
    assert not Path("data").exists() or list(Path("data").iterdir()) == []


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_preparation_and_nothing_is_left(number: str) -> None:
    rows = (f"u{row % 5000},i{row % 997},{10**9 + row}" for row in range(400_000))
    Path("log.csv").write_text("user,item,timestamp\n" + "\n".join(rows))
    code = (
        "import os, signal, sys\n"
        "from fearec_cli.data import prepared\n"
        f"prepared._write_arrays = lambda *_: os.kill(os.getpid(), signal.{number})\n"
        "from fearec_cli.cli.main import main\n"
        "sys.argv = ['fearec', 'prepare', 'csv', '--from', 'log.csv', '--out', 'data/shop']\n"
        "main()\n"
    )
    before = contents(Path())
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 128 + {"SIGTERM": 15, "SIGHUP": 1}[number], run.stderr
    assert f"ended by {number}" in run.stderr
    assert contents(Path()) == before


def test_an_empty_name_of_a_data_set_is_not_the_demo() -> None:
    agree(refused("train", ""), "^an argument: is empty")
