"""How weights follow their gradients: optimiser, learning-rate schedule, clipping."""

import inspect
import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.config import TrainingConfig

# Whose `weight` is decayed. Everything else is not: norms and biases, which have no scale to lose, and what
# filters and fusions learn (masks, gates), whose neutral value is not 0.
_DECAYED = (nn.Linear, nn.Embedding)


class _AdamW(torch.optim.AdamW):
    """AdamW without what torch puts around an optimiser's methods to hide them from its compiler.

    Those wrappers import the compiler on their first call: a second and 70 MB of every run (torch 2.13).
    """

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.AdamW.zero_grad)
    state_dict = inspect.unwrap(torch.optim.AdamW.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.AdamW.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


def make_optimizer(encoder: nn.Module, training: TrainingConfig) -> torch.optim.AdamW:
    """Adam; with a weight decay that is decoupled from the gradient (Loshchilov & Hutter, arXiv 1711.05101).

    Each step takes `learning_rate * weight_decay` of their value from the weights of linear layers and embedding
    tables; the padding row of the item table is zero and stays so. Without decay this is Adam.

    On a GPU its step can be recorded in a CUDA graph: rate and counts are on the device.

    Args:
        encoder: whose parameters are learned, on their device.
        training: rate and decay.
    """
    decayed = {id(module.weight) for module in encoder.modules() if isinstance(module, _DECAYED)}
    parameters = list(encoder.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [value for value in parameters if id(value) in decayed], "weight_decay": training.weight_decay},
        {"params": [value for value in parameters if id(value) not in decayed], "weight_decay": 0.0},
    ]
    on_gpu = parameters[0].is_cuda
    rate = torch.tensor(training.learning_rate, device=parameters[0].device) if on_gpu else training.learning_rate
    return _AdamW([group for group in groups if group["params"]], lr=rate, fused=True, capturable=on_gpu)


def scheduled_rate(training: TrainingConfig, step: int, steps_per_epoch: int = 0) -> float:
    """The learning rate of a step.

    It rises linearly to `learning_rate` over `warmup_steps`, the last of which has it, and then stays there, or
    falls along half a cosine (Loshchilov & Hutter, arXiv 1608.03983) that would reach 0 in the step after
    `schedule_steps`. It depends on the step alone, so that there is nothing to save.

    Args:
        training: rate and schedule.
        step: from 1.
        steps_per_epoch: of the epochs that a schedule without a length of its own stretches over.
    """
    done, warmup = step - 1, training.warmup_steps
    if done < warmup:
        return training.learning_rate * step / warmup
    if training.schedule == "constant":
        return training.learning_rate
    steps = training.schedule_steps or training.epochs * steps_per_epoch
    share = min(1.0, (done - warmup) / max(1, steps - warmup))
    return training.learning_rate * (1 + math.cos(math.pi * share)) / 2


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give an optimiser its learning rate; in place where that is on the device, for what has been recorded of it."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def clip_gradient(encoder: nn.Module, largest: float) -> Float[Tensor, ""]:
    """Shrink the gradient of all parameters together to a Euclidean norm (Pascanu et al., arXiv 1211.5063).

    Args:
        encoder: with its gradients, which are changed.
        largest: norm above which the gradient is shrunk; 0 shrinks none.

    Returns:
        The norm before, on the device; not finite where any gradient is not.
    """
    parameters = [value for value in encoder.parameters() if value.grad is not None]
    norm = nn.utils.get_total_norm([value.grad for value in parameters if value.grad is not None])
    if largest > 0:
        nn.utils.clip_grads_with_norm_(parameters, largest, norm)
    return norm
