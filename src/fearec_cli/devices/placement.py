"""Which devices a run computes on, and whether they can."""

import os
from typing import NamedTuple

import torch
from torch import distributed

from fearec_cli.config import Precision, TrainingConfig
from fearec_cli.errors import ConfigError, TrainingError


class Placement(NamedTuple):
    """Where a run computes.

    Attributes:
        device: without an index where there are several.
        devices: processes of each node, one a device.
        nodes: machines.
        precision: of the encoder.
    """

    device: torch.device
    devices: int
    nodes: int
    precision: Precision


def choose_device(name: str) -> torch.device:
    """The device that a configuration names; `auto` is the first GPU, or the CPU.

    Raises:
        TrainingError: it is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")  # no device of that name: refused below
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
    }
    if not there.get(device.type, False):
        raise TrainingError(f"device {name!r} is not available on this machine; use 'auto' or 'cpu'")
    return device


def choose_placement(training: TrainingConfig) -> Placement:
    """The devices of a run, checked against what is there.

    Under torchrun the number of devices and nodes is torchrun's, unless the configuration asks for another.

    Raises:
        TrainingError: the device is not there.
        ConfigError: carries every other problem: too few devices, nodes that were not started, a precision that
            the device does not have.
    """
    device = choose_device(training.device)
    devices, nodes = training.devices, training.nodes
    problems = []
    if distributed.is_torchelastic_launched():
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        started = (local, int(os.environ["WORLD_SIZE"]) // local)
        if (devices, nodes) not in ((1, 1), started):
            problems.append(
                f"--devices {devices} --nodes {nodes}: torchrun has started {started[0]} processes on each of "
                f"{started[1]} nodes; leave --devices and --nodes to it"
            )
        devices, nodes = started
    elif nodes > 1 and not {"SLURM_NTASKS", "NODE_RANK"} & os.environ.keys():
        problems.append(
            f"--nodes {nodes}: this process does not know the other nodes; start it on each node by torchrun or "
            "srun, as docs/scaling.md shows"
        )
    problems += _device_problems(device, devices)
    problems += _precision_problems(device, training.precision)
    if problems:
        raise ConfigError(problems)
    return Placement(device, devices, nodes, training.precision)


def _device_problems(device: torch.device, devices: int) -> list[str]:
    if devices > 1 and device.index is not None:
        return [f"--devices {devices}: --device {device} is a single one; leave its number out"]
    there = torch.cuda.device_count() if device.type == "cuda" else os.cpu_count() or 1
    if devices > there:
        what = "GPUs" if device.type == "cuda" else "CPU cores, and a process needs one"
        return [f"--devices {devices}: this machine has {there} {what}"]
    return []


def _precision_problems(device: torch.device, precision: Precision) -> list[str]:
    if precision == "16-mixed" and device.type == "cpu":
        return ["--precision 16-mixed: needs a GPU; use bf16-mixed or 32-true on a CPU"]
    if precision.startswith("bf16") and device.type == "cuda" and not torch.cuda.is_bf16_supported(False):
        return [f"--precision {precision}: this GPU has no bfloat16; use 16-mixed or 32-true"]
    return []
