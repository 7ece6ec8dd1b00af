"""A component is tried as its layer will call it, before anything is trained: one call on two sequences.

What a layer would fail on later becomes one line that names the component and its package. torch's generator and the
component's mode are left as they were.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from fearec_cli.api import Attention, Filter, Fusion, LayerInputs, LayerShape
from fearec_cli.components.registry import Registered
from fearec_cli.components.violations import check_tensor, checking_reads, describe, errors_of, violation
from fearec_cli.nn.positions import Padding, last_positions, valid_positions

_BATCH = 2


class Probe:
    """Tries the components of one layer.

    Args:
        shape: the layer's depth and sizes.
        padding: side of the padding.
    """

    def __init__(self, shape: LayerShape, padding: Padding) -> None:
        n = shape.max_length
        self._shape = shape
        self._x = torch.linspace(-1, 1, _BATCH * n * shape.dim).view(_BATCH, n, shape.dim)
        self._lengths = torch.tensor([n, n // 2])
        self._valid = valid_positions(self._lengths, n, padding)
        self._last = last_positions(self._lengths, n, padding)
        # The model asks its last layer for the last position alone, and the others for all.
        self._last_only = shape.layer == shape.n_layers - 1
        self._requested = (_BATCH, 1 if self._last_only else n, shape.dim)

    def filter(self, entry: Registered, part: Any) -> Filter:
        """The filter, if it gives a signal of its input's shape and type, and has a response.

        Raises:
            PluginError: it does not.
        """
        if not isinstance(part, Filter):
            raise violation(entry.label, "filter", expected="something to call, with response(n)", got=describe(part))
        with _tried(part), errors_of(entry.label):
            out = part(self._x, self._lengths)
        check_tensor(entry.label, "output", out, self._x.shape, self._x.dtype)
        return part

    def attention(self, entry: Registered, part: Any, layer_filter: Filter) -> Attention:
        """The branch, if it gives a context of the requested positions and reads what it declares.

        Raises:
            PluginError: it does not.
        """
        if not isinstance(part, Attention):
            raise violation(
                entry.label, "attention", expected="something to call, with projections", got=describe(part)
            )
        with _tried(part), _tried(layer_filter), errors_of(entry.label), checking_reads(entry.label, "projections"):
            inputs = LayerInputs(
                self._x,
                self._valid,
                self._lengths,
                self._last,
                last_only=self._last_only,
                heads=self._shape.heads,
                projected=dict.fromkeys(part.projections, self._x),
                layer_filter=layer_filter,
            )
            out = part(inputs)
        check_tensor(entry.label, "output", out, self._requested, self._x.dtype)
        return part

    def fusion(self, entry: Registered, part: Any, branches: Sequence[Attention]) -> Fusion:
        """The fusion, if it gives an output of its inputs' shape.

        Raises:
            PluginError: it does not.
        """
        x: Tensor = self._x[:, -self._requested[1] :]
        with _tried(part), errors_of(entry.label):
            out = part([x for _ in branches], x)
        check_tensor(entry.label, "output", out, self._requested, self._x.dtype)
        fusion: Fusion = part
        return fusion


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
