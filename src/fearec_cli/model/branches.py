"""The branches of a model one at a time: what each layer handed to them, and the model with all others silent."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from fearec_cli.model.encoder import Encoder
from fearec_cli.model.layer import Layer


def layers_of(encoder: Encoder) -> list[Layer]:
    """The layers, from the input's side up."""
    return [layer for layer in encoder.layers if isinstance(layer, Layer)]


@contextmanager
def silenced(encoder: Encoder, branch: int) -> Iterator[None]:
    """Silence one branch of every layer while the block runs: its context is zero.

    Args:
        encoder: whose output becomes that without the branch.
        branch: index in the order of `--attention`.
    """
    with _silent(encoder, lambda index: index == branch):
        yield


@contextmanager
def only(encoder: Encoder, branch: int) -> Iterator[None]:
    """Silence every other branch of every layer while the block runs."""
    with _silent(encoder, lambda index: index != branch):
        yield


@contextmanager
def _silent(encoder: Encoder, chosen: Callable[[int], bool]) -> Iterator[None]:
    def silence(module: nn.Module, inputs: Any, context: Tensor) -> Tensor:
        return torch.zeros_like(context)

    handles = [
        module.register_forward_hook(silence)
        for layer in layers_of(encoder)
        for index, module in enumerate(layer.branches)
        if chosen(index)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def given_to(modules: Iterable[nn.Module]) -> Iterator[list[tuple[Any, ...]]]:
    """The arguments of each call of these modules, in the order of the calls, while the block runs."""
    calls: list[tuple[Any, ...]] = []
    handles = [module.register_forward_pre_hook(lambda _, given: calls.append(given)) for module in modules]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
