"""The names of the package: lazy and complete; what the functions do not accept."""

import subprocess
import sys
from pathlib import Path

import pytest

import fearec_cli
from fearec_cli.errors import CheckpointError, ConfigError, DataError


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, fearec_cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "polars", "pydantic", "typer"} & set(loaded)


def test_every_name_is_there_and_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
    for name in fearec_cli.__all__:
        assert getattr(fearec_cli, name).__doc__
        assert name in dir(fearec_cli)
        assert name[0].isupper() or f"`{name}(" in page


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'recomend'"):
        fearec_cli.recomend  # noqa: B018


def test_what_the_functions_do_not_accept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no data set 'shop' is prepared"):
        fearec_cli.load_dataset("shop")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        fearec_cli.load_checkpoint("best.safetensors")
    with pytest.raises(ConfigError, match="several processes"):
        fearec_cli.train(settings={"training.devices": 2})
    with pytest.raises(ConfigError, match=r"prepare\.k_core: must be greater than or equal to 0"):
        fearec_cli.prepare("demo", k_core=-1)
    with pytest.raises(ConfigError, match="resume: name the run's directory with out"):
        fearec_cli.train(resume=True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_goes_on_with_its_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log.txt").write_text(
        "\n".join(f"u{user} " + " ".join(f"i{(user + at) % 9}" for at in range(6)) for user in range(9))
    )
    data = fearec_cli.prepare("sequences", path="log.txt", out="data/log")
    settings = {"model.dim": 8, "model.max_length": 5, "training.max_steps": 1, "training.batch_size": 8}
    first = fearec_cli.train(data, preset="sasrec", settings=settings, out="runs/one")
    again = fearec_cli.train(data, settings={"training.max_steps": 3}, out="runs/one", resume=True)
    assert (first.progress.step, again.progress.step) == (1, 3)
    assert fearec_cli.load_checkpoint(again.checkpoint).recipe.model.dim == 8
