"""One process on one device in float32, without Fabric, which has nothing to do there.

Importing Fabric brings torch's compiler in, used or not: a second and 76 MB (torch 2.13), a third of the time from
the command to the first step, which every run would pay.
"""

import torch
from torch import Tensor, nn


class OneDevice:
    """What an engine asks of Fabric, for a process that is alone.

    Args:
        device: where it computes; of a GPU without a number, the first.

    Attributes:
        device: with the number of a GPU.
        global_rank: 0.
        world_size: 1.
    """

    global_rank = 0
    world_size = 1

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            self.device = torch.device("cuda", device.index or 0)
            torch.cuda.set_device(self.device)

    def setup(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Both, as they are; the module on the device."""
        return module.to(self.device), optimizer

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss."""
        loss.backward()
