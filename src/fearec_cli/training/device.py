"""Which device a run computes on."""

import torch

from fearec_cli.errors import TrainingError


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
