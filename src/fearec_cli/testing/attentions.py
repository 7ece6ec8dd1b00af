"""The contract of an attention branch, checked."""

from typing import Any, get_args

import torch
from torch import Tensor

from fearec_cli.api import Component, LayerInputs, LayerShape
from fearec_cli.errors import ConfigError
from fearec_cli.nn.inputs import Projection
from fearec_cli.nn.positions import Padding
from fearec_cli.testing.grid import (
    BATCH,
    DIM,
    DTYPES,
    checking,
    last_positions,
    layer_shapes,
    lengths_of,
    noise,
    validity,
)
from fearec_cli.testing.rules import (
    Signals,
    Subject,
    check_causality,
    check_gradients,
    check_output,
    check_state,
    check_unchanged,
)

_PADDINGS: tuple[Padding, ...] = get_args(Padding)


class _NoFilter:
    """The identity, so that every finding is the branch's own."""

    def __call__(self, x: Tensor, lengths: Tensor) -> Tensor:
        return x

    def response(self, n: int) -> Tensor:
        return torch.ones(n // 2 + 1)


def check_attention(component: Component) -> None:
    """Check a branch's promises (`fearec_cli.nn.contracts.Attention`).

    - `projections` names some of q, k and v; it reads all that it names, and nothing that it does not.
    - Its context is [B, N, D], or [B, 1, D] where only the last position is requested: the same numbers; in
      float32 and float64; finite, with padding on either side.
    - What it reads and every parameter get finite gradients.
    - In evaluation mode equal inputs give equal outputs.
    - Its state goes through safetensors and back.
    - Declared causal: later positions change nothing, in any bit and either mode, and neither does padding on
      either side.
    - Options have defaults and descriptions.

    The layer's filter is the identity here. A place for which the branch raises `ConfigError` is passed over, if there
    is one that it accepts.

    Raises:
        PluginError: a promise is broken.
    """
    with checking("attention", component) as name:
        refused: ConfigError | None = None
        accepted = 0
        for shape in layer_shapes():
            for dtype in DTYPES:
                try:
                    reads = _projections(name, component, shape)
                except ConfigError as error:
                    refused = error
                    continue
                accepted += 1
                for padding in _PADDINGS:
                    _check(name, component, shape, reads, dtype, padding)
        if refused is not None and not accepted:
            raise refused


def _projections(name: str, component: Component, shape: LayerShape) -> frozenset[Projection]:
    subject = _subject(name, component, shape, frozenset(), torch.float32, "right", last_only=False)
    declared = getattr(subject.build(), "projections", None)
    if not isinstance(declared, frozenset) or not declared <= set(get_args(Projection)):
        raise subject.violation("projections", "a frozenset of some of 'q', 'k' and 'v'", repr(declared))
    return declared


def _check(
    name: str,
    component: Component,
    shape: LayerShape,
    reads: frozenset[Projection],
    dtype: torch.dtype,
    padding: Padding,
) -> None:
    every = _subject(name, component, shape, reads, dtype, padding, last_only=False)
    last = _subject(name, component, shape, reads, dtype, padding, last_only=True)
    for subject in (every, last):
        check_output(subject)
        check_gradients(subject, {signal: (signal,) for signal in sorted(reads)} or {"x": ("x",)})
    check_state(every)
    _check_last(every, last, last_positions(shape.max_length, padding))
    if component.causal:
        valid = validity(shape.max_length, padding)
        check_causality(every, valid)
        rule = f"declared causal, but padding on the {padding} is seen at real positions"
        check_unchanged(every, rule, changed=~valid, compared=valid)


@torch.no_grad()
def _check_last(every: Subject, last: Subject, index: Tensor) -> None:
    """The last position alone gets what it gets among all."""
    among_all = every.call(every.build())[torch.arange(BATCH), index]
    alone = last.call(last.build())[:, 0]
    tolerance = 1e-4 if every.dtype == torch.float32 else 1e-6
    if not torch.allclose(among_all, alone, rtol=tolerance, atol=tolerance):
        moved = (among_all - alone).abs().max().item()
        raise last.violation("last position alone", "what it gets among all positions", f"a difference of {moved:.2g}")


def _subject(
    name: str,
    component: Component,
    shape: LayerShape,
    reads: frozenset[Projection],
    dtype: torch.dtype,
    padding: Padding,
    *,
    last_only: bool,
) -> Subject:
    n = shape.max_length

    def run(part: Any, signals: Signals) -> Any:
        projected = {signal: signals[signal] for signal in reads}
        return part(
            LayerInputs(
                signals["x"],
                validity(n, padding),
                lengths_of(n),
                last_positions(n, padding),
                last_only=last_only,
                heads=shape.heads,
                projected=projected,
                layer_filter=_NoFilter(),
            )
        )

    wanted = "the last position" if last_only else "all positions"
    return Subject(
        name=f"{name} (N={n}, layer {shape.layer} of {shape.n_layers}, {shape.heads} heads, {wanted})",
        make=lambda: component.build(component.options(), shape),
        run=run,
        signals={
            signal: noise(BATCH, n, DIM, dtype=dtype, seed=seed) for seed, signal in enumerate(("x", *sorted(reads)))
        },
        shape=(BATCH, 1 if last_only else n, DIM),
        dtype=dtype,
        declares="projections",
    )
