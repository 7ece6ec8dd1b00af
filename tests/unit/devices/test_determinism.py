"""What `training.deterministic` tells torch, and what is said where torch cannot."""

import os

import pytest
import torch

from fearec_cli.devices.determinism import compute_deterministically, explaining_nondeterminism
from fearec_cli.errors import TrainingError


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    yield
    compute_deterministically(False)


def test_torch_is_reported_and_told_back() -> None:
    compute_deterministically(True)
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark) == (True, False)
    compute_deterministically(False)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_workspace_that_was_chosen_stays(monkeypatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    compute_deterministically(True)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_an_operation_without_a_deterministic_version_is_named() -> None:
    text = "put_ does not have a deterministic implementation, but you set 'torch.use_deterministic_algorithms(True)'."
    with (
        pytest.raises(TrainingError, match=r"^training.deterministic: torch has no deterministic put_ on this device;"),
        explaining_nondeterminism(),
    ):
        raise RuntimeError(text)
    with pytest.raises(RuntimeError, match="shapes"), explaining_nondeterminism():
        raise RuntimeError("shapes")
