"""What is typed is taken for what it says, or is refused in one line; output that cannot be written harms nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from fearec_cli.cli.usage import reading_of
from fearec_cli.components import registry
from fearec_cli.runs.safetensors_file import checksum
from support.commands import TINY, agree, contents, done, fearec, metadata, newest_state, refused, tensors

FEAREC = (sys.executable, "-m", "fearec_cli")
TRAIN = ("train", "data/toy", "--preset", "sasrec", *TINY, "--max-steps", "1", "--out", "runs/x")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["prepare", "csv", "--from", "a", "--from", "b"], "^--from: is given 2 times; it takes one value"),
        (["train", "--seed", "1", "--seed", "2"], "^--seed: is given 2 times"),
        (["prepare", "csv", "--from", ""], "^--from: is empty"),
        (["train", "--out="], "^--out: is empty"),
        (["train", ""], "^an argument: is empty"),
        (["prepare", "csv", "--from", "a", "b", "c"], "'b' 'c': are too many .*put the pattern in quotes"),
        (["prepare", "csv", "log.csv"], "a file is given by --from: fearec prepare csv --from log.csv"),
        (["prepare", "log.csv"], "read it by `fearec prepare csv --from log.csv`"),
        (["prepare", "ratings.JSON"], "read it by `fearec prepare jsonl --from ratings.JSON`"),
        (["prepare", "CSV"], "no source is called 'CSV'; did you mean the source 'csv'"),
        (["prepare", "ml-1m"], "did you mean the source 'movielens-1m'"),
        (["prepare", "zzz"], "^no source is called 'zzz'; `fearec datasets` lists the sources$"),
        (["evaluate", "a", "b", "c"], "^'c': is too many for `fearec evaluate`"),
        (["evaluate"], "^checkpoint: is missing"),
        (["train", "--epoch"], "^--epoch: there is no such option of `fearec train`; did you mean --epochs"),
        (["train", "--epochs"], "^--epochs: needs a value"),
        (["train", "--max-steps", "0"], "^--max-steps: must be at least 1; leave it out"),
        (["train", "--epochs", "x"], "^--epochs: must be a whole number"),
        (["evaluate", "x", "--protocol", "masked"], "^--protocol: 'masked' is not one of"),
        (["train", "demo", "--set", "model.dim=true"], "^model.dim: must be a number, not true"),
        (["train", "demo", "--set", "training.metric=Recall@10"], "must be HR@k, NDCG@k or MRR@k .*Recall@k is HR@k"),
        (["train", "demo", "--device", "gpu"], "^--device: must be auto, cpu, cuda or cuda:N"),
        (["prepare", "csv", "--from", "log.csv", "--set", "csv.separator=::"], "columns 1, 3, 5, 7"),
        (["train", "demo", "--preset", "SASRek"], "did you mean 'sasrec'"),
    ],
    ids=str,
)
def test_one_line_says_what_is_wrong(arguments: list[str], problem: str) -> None:
    Path("log.csv").write_text("user,item,timestamp\n")
    agree(refused(*arguments), problem)


@pytest.mark.parametrize("source", ["hub:some/data/log.csv", "csv", "demo"])
def test_a_source_is_not_taken_for_a_file(source: str) -> None:
    Path(source).parent.mkdir(parents=True, exist_ok=True)
    Path(source).touch()
    assert reading_of(source, ["csv", "demo", "hub"]) is None


def test_a_data_set_that_is_almost_called_so(toy: Path) -> None:
    agree(refused("train", "tyo"), "did you mean 'toy'")


def test_a_run_stands_for_its_best_weights(best: Path) -> None:
    def rows(checkpoint: str | Path) -> list[str]:
        printed = done("evaluate", checkpoint, "--k", "5")  # whose first lines have the seconds it took
        return [line for line in printed.splitlines() if "@5" in line]

    assert rows("runs/toy") == rows(best)
    assert len(rows(best)) >= 3
    agree(refused("evaluate", "runs"), "^runs: holds no best.safetensors")


@pytest.mark.parametrize("output", ["closed", "full"])
def test_training_does_not_depend_on_its_output(toy: Path, output: str) -> None:
    with open("/dev/full", "w") as full:
        close = (lambda: os.close(1)) if output == "closed" else None
        run = subprocess.run(
            [*FEAREC, *TRAIN], stdout=full, stderr=subprocess.PIPE, text=True, check=False, preexec_fn=close
        )
    assert run.returncode == 0, run.stderr
    assert Path("runs/x/best.safetensors").exists()
    assert ("cannot be written: No space left" in run.stderr) == (output == "full")


def test_a_listing_into_a_full_disk() -> None:
    with open("/dev/full", "w") as full:
        run = subprocess.run([*FEAREC, "datasets"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, "error: the output cannot be written: No space left on device\n")


def test_a_name_that_the_encoding_lacks() -> None:
    run = subprocess.run(
        [*FEAREC, "prepare", "demo", "--out", "data/naïve"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("wrote data/na\\xefve\n")


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"step_in_epoch": -1}, "progress cannot be read"),
        ({"step": -5}, "progress cannot be read"),
        ({"seconds": -1.0}, "progress cannot be read"),
        ({"epoch": 99}, "not one that a run can reach"),
    ],
    ids=str,
)
def test_a_state_whose_place_is_none(trained: Path, place: dict[str, Any], problem: str) -> None:
    for state in (trained / "last").iterdir():
        texts, arrays = metadata(state), tensors(state)
        del texts["checksum"]
        texts["place"] = json.dumps({**json.loads(texts["place"]), **place})
        save_file(arrays, state, {**texts, "checksum": checksum(texts, arrays)})
    assert problem in refused("train", "data/toy", "--resume", "--out", trained, "--epochs", "3")[0]


def test_a_state_of_other_shapes(trained: Path) -> None:
    for state in (trained / "last").iterdir():
        texts, arrays = metadata(state), tensors(state)
        del texts["checksum"]
        arrays["losses"] = arrays["losses"][:1].repeat(7)
        save_file(arrays, state, {**texts, "checksum": checksum(texts, arrays)})
    assert newest_state(trained)
    line = refused("train", "data/toy", "--resume", "--out", trained, "--epochs", "3")[0]
    assert "losses is missing or has another shape" in line


def test_a_memory_of_one_item_is_not_spread_over_all(toy: Path) -> None:
    loss = ("--preset", "sasrec", "--loss", "ce+0.1*memory-contrast", "--targets", "all", *TINY)
    done("train", toy, *loss, "--max-steps", "4", "--out", "runs/memory")
    for state in Path("runs/memory/last").iterdir():
        texts, arrays = metadata(state), tensors(state)
        del texts["checksum"]
        arrays["memory"] = arrays["memory"][:1]
        save_file(arrays, state, {**texts, "checksum": checksum(texts, arrays)})
    line = refused("train", "data/toy", "--resume", "--out", "runs/memory", "--epochs", "3")[0]
    assert "memory is missing or has another shape" in line


def test_a_package_whose_entry_points_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    info = tmp_path / "bad-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fearec.adapters\nx = = y\nno section")
    monkeypatch.syspath_prepend(str(tmp_path))
    points, broken = registry._by_package("fearec.adapters")
    assert {"datasets", "formats", "hub"} <= {point.name for point in points}
    assert all(failure.package == "bad" for failure in broken)


def test_nothing_is_written_by_a_command_that_is_refused() -> None:
    before = contents(Path())
    assert fearec("train", "demo", "--preset", "zzz", "--out", "runs/z").code == 2
    assert contents(Path()) == before
