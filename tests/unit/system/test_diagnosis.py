"""Findings about the machine: what is right has no problem, and what is wrong names its remedy."""

from pathlib import Path

import pytest
import torch

from fearec_cli.system import diagnosis


def problems(findings) -> dict[str, str]:
    return {finding.name: finding.problem for finding in findings if finding.problem}


def test_every_package_that_is_needed_is_listed_once() -> None:
    names = [finding.name for finding in diagnosis.packages()]
    assert {"python", "fearec", "torch", "polars"} <= set(names)
    assert len(names) == len(set(names))
    assert "pytest" not in names  # an extra
    assert not problems(diagnosis.packages())


def test_a_package_that_is_missing_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        diagnosis, "requires", lambda name: ["torch>=99", "no-such-package>=1", "ruff>=0; extra == 'x'"]
    )
    found = problems(diagnosis.packages())
    assert set(found) == {"torch", "no-such-package"}
    assert "does not satisfy torch>=99" in found["torch"]
    assert found["no-such-package"] == "not installed; `pip install 'no-such-package>=1'`"


def test_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis.os, "sched_getaffinity", lambda pid: {0}, raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert problems(diagnosis.threads()) == {
        "torch": "8 threads share 1 cores and slow each other down; set OMP_NUM_THREADS=1"
    }
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert not problems(diagnosis.threads())


def test_a_driver_without_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(diagnosis, "_NVIDIA_DEVICE", tmp_path / "none")
    assert not problems(diagnosis.devices())
    monkeypatch.setattr(diagnosis, "_NVIDIA_DEVICE", tmp_path)
    assert "finds no GPU" in problems(diagnosis.devices())["cuda"]


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.name for finding in diagnosis.memory()] == ["total", "available"]
    monkeypatch.setattr(diagnosis, "available_memory", lambda: 2**29)
    assert "less than 1 GiB" in problems(diagnosis.memory())["available"]


def test_a_directory_that_is_not_there_is_judged_by_the_one_above(tmp_path: Path) -> None:
    finding = diagnosis.writable("caches", "runs", tmp_path / "a" / "b")
    assert not finding.problem
    assert "made at first use" in finding.value
    file = tmp_path / "file"
    file.touch()
    assert "is not a directory" in diagnosis.writable("caches", "runs", file / "b").problem
