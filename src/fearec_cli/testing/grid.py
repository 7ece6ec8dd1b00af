"""Where components are tested: a small grid of places in a model, and random signals for each."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from fearec_cli.api import Component, LayerShape
from fearec_cli.components.registry import check_component
from fearec_cli.nn import positions
from fearec_cli.nn.positions import Padding, valid_positions

# B of every call; three lengths: full, part and a single item.
BATCH = 3
DIM = 8
DTYPES = (torch.float32, torch.float64)
# Two branches are the usual number; a fusion may take only one of these numbers.
BRANCHES = (2, 1, 3)


def layer_shapes() -> Iterator[LayerShape]:
    """N odd and even; the only layer, and each of three; one head and two. Dropout is on in training mode."""
    for max_length in (9, 12):
        for n_layers in (1, 3):
            for layer in range(n_layers):
                for heads in (1, 2):
                    yield LayerShape(
                        layer=layer,
                        n_layers=n_layers,
                        max_length=max_length,
                        dim=DIM,
                        heads=heads,
                        hidden_dropout=0.5,
                        attention_dropout=0.5,
                    )


def lengths_of(n: int) -> Int[Tensor, "B"]:
    """Real positions of the sequences of a batch."""
    return torch.tensor([n, n // 2, 1])


def validity(n: int, padding: Padding) -> Bool[Tensor, "B N"]:
    """True at real positions."""
    return valid_positions(lengths_of(n), n, padding)


def last_positions(n: int, padding: Padding) -> Int[Tensor, "B"]:
    """Index of the last real position of each sequence."""
    return positions.last_positions(lengths_of(n), n, padding)


def noise(*size: int, dtype: torch.dtype, seed: int) -> Tensor:
    """Standard normal numbers, equal for equal seeds up to rounding."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, generator=generator, dtype=torch.float64).to(dtype)


@contextmanager
def checking(kind: str, component: Component) -> Iterator[str]:
    """Check what is common to all components and give the name for messages.

    torch's generator is left as it was. One thread: signals as small as these make several wait for each other.

    Raises:
        PluginError: a name, an option without default or description.
    """
    check_component(component)
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(1)
        try:
            yield f"{kind} {component.name!r}"
        finally:
            torch.set_num_threads(threads)
