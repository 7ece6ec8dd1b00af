"""The device that a name means."""

import pytest
import torch

from fearec_cli.config import TrainingConfig
from fearec_cli.devices import placement as device
from fearec_cli.devices.placement import choose_device, choose_placement
from fearec_cli.errors import ConfigError, TrainingError


@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_the_device_is_chosen(name: str) -> None:
    assert choose_device(name).type in ("cpu", "cuda")


@pytest.mark.parametrize("name", ["banana", "xpu", "cuda:9999", "meta", ""])
def test_a_device_that_is_not_there_is_reported(name: str) -> None:
    with pytest.raises(TrainingError, match=f"device '{name}' is not available on this machine; use 'auto' or 'cpu'"):
        choose_device(name)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs that have no bfloat16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)


def placed(**options: object) -> tuple[str, int, int, str]:
    where, devices, nodes, precision = choose_placement(TrainingConfig.model_validate(options))
    return str(where), devices, nodes, precision


def refused(**options: object) -> str:
    with pytest.raises(ConfigError) as caught:
        placed(**options)
    return str(caught.value)


def test_one_process_on_the_cpu_is_the_default() -> None:
    assert placed(device="cpu") == ("cpu", 1, 1, "32-true")


@pytest.mark.usefixtures("gpus")
def test_gpus_are_counted() -> None:
    assert placed(devices=2) == ("cuda", 2, 1, "32-true")
    assert placed(device="cuda:1", precision="16-mixed") == ("cuda:1", 1, 1, "16-mixed")
    assert refused(devices=3) == "--devices 3: this machine has 2 GPUs"
    assert refused(devices=2, device="cuda:1") == ("--devices 2: --device cuda:1 is a single one; leave its number out")


@pytest.mark.usefixtures("gpus")
def test_every_problem_is_named() -> None:
    assert refused(devices=3, nodes=2, precision="bf16-mixed").splitlines() == [
        "--nodes 2: this process does not know the other nodes; start it on each node by torchrun or srun, as "
        "docs/scaling.md shows",
        "--devices 3: this machine has 2 GPUs",
        "--precision bf16-mixed: this GPU has no bfloat16; use 16-mixed or 32-true",
    ]


def test_torchrun_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device.distributed, "is_torchelastic_launched", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "6")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert placed(device="cpu") == ("cpu", 2, 3, "32-true")
    assert placed(device="cpu", devices=2, nodes=3) == ("cpu", 2, 3, "32-true")
    assert refused(device="cpu", devices=2, nodes=2).startswith("--devices 2 --nodes 2: torchrun has started 2 ")


@pytest.mark.parametrize("name", ["SLURM_NTASKS", "NODE_RANK"])
def test_a_scheduler_tells_of_other_nodes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "2")
    assert placed(device="cpu", nodes=2) == ("cpu", 1, 2, "32-true")
