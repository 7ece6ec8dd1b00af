"""A component is tried as its layer will call it, before anything is trained: one call on two sequences.

What a layer would fail on later becomes one line that names the component and its package. torch's generator and the
component's mode are left as they were.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fearec_cli.api import Attention, Filter, Fusion, LayerInputs, LayerShape
from fearec_cli.components.violations import check_tensor, checking_reads, describe, errors_of, violation
from fearec_cli.config.recipe import Ingredient
from fearec_cli.errors import ConfigError
from fearec_cli.nn.positions import Padding, last_positions, valid_positions

_BATCH = 2
# Positions that a component is tried on at most: what it costs may grow with their square.
_POSITIONS = 64


class Probe:
    """Builds the components of one layer and tries each.

    Where sequences are long, what is tried is a twin of the component, built for fewer positions.

    Args:
        shape: the layer's depth and sizes.
        padding: side of the padding.
    """

    def __init__(self, shape: LayerShape, padding: Padding) -> None:
        self._shape = shape
        self._padding = padding
        self._tried_shape = replace(shape, max_length=min(shape.max_length, _POSITIONS))
        # The model asks its last layer for only the last position, and the others for all.
        self._last_only = shape.layer == shape.n_layers - 1
        self._filters: dict[int, Filter] = {}  # by the number of positions that they are built for

    def filter(self, ingredient: Ingredient) -> Filter:
        """The filter, if it gives a signal of its input's shape and type, and has a response.

        Raises:
            PluginError: it does not.
        """
        label = ingredient.entry.label
        part = ingredient.build(self._shape)
        if not isinstance(part, Filter):
            raise violation(label, "filter", expected="something to call, with response(n)", got=describe(part))
        tried, n = self._twin(ingredient, part)
        self._filters = {self._shape.max_length: part, n: tried}
        x, lengths = self._signal(n)
        with _tried(tried), errors_of(label):
            out = tried(x, lengths)
        check_tensor(label, "output", out, x.shape, x.dtype)
        _check_storable(label, part)
        return part

    def attention(self, ingredient: Ingredient) -> Attention:
        """The branch, if it gives a context of the requested positions and reads what it declares.

        Raises:
            PluginError: it does not.
        """
        label = ingredient.entry.label
        part = ingredient.build(self._shape)
        if not isinstance(part, Attention):
            raise violation(label, "attention", expected="something to call, with projections", got=describe(part))
        tried, n = self._twin(ingredient, part)
        if n not in self._filters:  # the filter has no place among so few positions
            tried, n = part, self._shape.max_length
        layer_filter = self._filters[n]
        x, lengths = self._signal(n)
        with _tried(tried), _tried(layer_filter), errors_of(label), checking_reads(label, "projections"):
            inputs = LayerInputs(
                x,
                valid_positions(lengths, n, self._padding),
                lengths,
                last_positions(lengths, n, self._padding),
                last_only=self._last_only,
                heads=self._shape.heads,
                projected=dict.fromkeys(tried.projections, x),
                layer_filter=layer_filter,
            )
            out = tried(inputs)
        check_tensor(label, "output", out, self._requested(n), x.dtype)
        _check_storable(label, part)
        return part

    def fusion(self, ingredient: Ingredient, branches: Sequence[Attention]) -> Fusion:
        """The fusion, if it gives an output of its inputs' shape.

        Raises:
            PluginError: it does not.
        """
        label = ingredient.entry.label
        part: Fusion = ingredient.build(self._shape, len(branches))
        n = self._tried_shape.max_length  # a fusion works at each position alone
        x, _ = self._signal(n)
        x = x[:, -self._requested(n)[1] :]
        with _tried(part), errors_of(label):
            out = part([x for _ in branches], x)
        check_tensor(label, "output", out, self._requested(n), x.dtype)
        _check_storable(label, part)
        return part

    def _twin(self, ingredient: Ingredient, part: Any) -> tuple[Any, int]:
        """What is tried instead of a part, and on how many positions: the part itself where they are few."""
        if self._tried_shape.max_length < self._shape.max_length:
            try:
                with torch.random.fork_rng(devices=[]):
                    return ingredient.build(self._tried_shape), self._tried_shape.max_length
            except ConfigError:  # it has no place among so few
                pass
        return part, self._shape.max_length

    def _signal(self, n: int) -> tuple[Tensor, Tensor]:
        """Two sequences of n positions, of which one is filled by half, and their lengths."""
        x = torch.linspace(-1, 1, _BATCH * n * self._shape.dim).view(_BATCH, n, self._shape.dim)
        return x, torch.tensor([n, n // 2])

    def _requested(self, n: int) -> tuple[int, int, int]:
        return _BATCH, 1 if self._last_only else n, self._shape.dim


def _check_storable(label: str, part: Any) -> None:
    """Check that a checkpoint can hold a component's state, before anything is trained.

    Raises:
        PluginError: tensors share memory, are sparse, or of a type that safetensors does not have.
    """
    if not isinstance(part, nn.Module):
        return
    met: dict[int, str] = {}  # by where in memory they begin
    for name, value in part.state_dict().items():
        if value.layout != torch.strided:
            raise violation(label, "state", expected="dense tensors", got=f"{name} of layout {value.layout}")
        if not (value.is_floating_point() or value.dtype in (torch.int64, torch.bool)):
            got = f"{name} of type {value.dtype}"
            raise violation(label, "state", expected="floating-point numbers, int64 or bool", got=got)
        other = met.setdefault(value.data_ptr(), name) if value.numel() else name
        if other != name:
            raise violation(label, "state", expected="a memory of its own for each tensor", got=f"{other} in {name}")


@contextmanager
def _tried(part: Any) -> Iterator[None]:
    """Evaluation mode and no gradient for the moment."""
    training = isinstance(part, nn.Module) and part.training
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        if training:
            part.eval()
        try:
            yield
        finally:
            if training:
                part.train()
