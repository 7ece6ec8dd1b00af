"""`fearec doctor`: what it lists, and that each thing that is wrong is named with exit status 2."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from fearec_cli.components import registry
from fearec_cli.components.registry import Broken, Registry
from support.commands import done, fearec


def findings(*, code: int) -> dict[str, dict[str, Any]]:
    """What `--json` prints, by name."""
    result = fearec("doctor", "--json")
    assert (result.code, result.err) == (code, "")
    return {finding["name"]: finding for finding in json.loads(result.out)}


def problems() -> dict[str, str]:
    """The findings that are wrong, and how the page for a reader names them."""
    wrong = {name: finding["problem"] for name, finding in findings(code=2).items() if finding["problem"]}
    printed = fearec("doctor")
    assert printed.code == 2
    assert all(problem in printed.out for problem in wrong.values())
    assert f"\n{len(wrong)} problem" in printed.out
    return wrong


@pytest.mark.usefixtures("trained")
def test_a_sound_environment() -> None:
    found = findings(code=0)
    assert {"python", "fearec", "torch", "polars", "cpu", "available", "FEAREC_KERNELS", "Hugging Face Hub"} <= set(
        found
    )
    assert found["data/toy"]["value"].startswith("40 users, 30 items, ")
    assert found["runs/toy"]["value"] == "trained on toy, step 18"
    assert any(name.startswith("fearec ") and "adapters" in finding["value"] for name, finding in found.items())
    printed = done("doctor")
    assert printed.endswith("\nnothing is wrong\n")
    assert "versions\n  python " in printed


def test_files_that_cannot_be_opened_are_named(toy: Path) -> None:
    (toy / "users.parquet").write_bytes(b"x")
    Path("runs/x").mkdir(parents=True)
    Path("runs/x/best.safetensors").write_bytes(b"x")
    wrong = problems()
    assert set(wrong) == {"data/toy", "runs/x"}
    assert "prepare" in wrong["data/toy"]
    assert "runs/x/best.safetensors" in wrong["runs/x"]


def test_a_broken_plugin_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Registry(registry.load_components(), [Broken("fearec-tap", "tap", "ImportError: no tap")])
    monkeypatch.setattr(registry, "load_components", lambda: broken)
    (problem,) = problems().values()
    assert problem == (
        "plugin 'tap' of package 'fearec-tap' is not usable: ImportError: no tap; upgrade or uninstall fearec-tap"
    )


def test_a_place_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("data").write_text("a file")
    assert "not a directory" in problems()["data sets"]
    Path("data").unlink()
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=2**20))
    assert problems()["runs"] == "only 1 MiB are free on its disk"


def test_a_wrong_kernels_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fearec_cli.kernels._mode", "fast")
    assert "'fast'" in problems()["FEAREC_KERNELS"]
