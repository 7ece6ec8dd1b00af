"""The contract of a fusion, checked."""

import itertools
from typing import Any

import torch

from fearec_cli.api import Component, LayerShape
from fearec_cli.errors import ConfigError
from fearec_cli.testing.grid import BATCH, BRANCHES, DIM, DTYPES, checking, layer_shapes, noise
from fearec_cli.testing.rules import Signals, Subject, check_causality, check_gradients, check_output, check_state


def check_fusion(component: Component) -> None:
    """Check a fusion's promises (`fearec_cli.nn.contracts.Fusion`).

    - It joins [B, M, D] contexts of one, two or three branches, or raises `ConfigError` for their number, and gives [B,
    M, D], in float32 and float64, for all positions and for one alone: the same numbers.
    - Every context, the layer's input and every parameter get finite gradients.
    - In evaluation mode equal inputs give equal outputs.
    - Its state goes through safetensors and back.
    - Declared causal: later positions change nothing, in any bit and either mode.
    - Options have defaults and descriptions.

    Raises:
        PluginError: a promise is broken.
        ConfigError: it takes neither one, two nor three branches.
    """
    with checking("fusion", component) as name:
        refused: ConfigError | None = None
        accepted = 0
        for shape, branches, dtype in itertools.product(layer_shapes(), BRANCHES, DTYPES):
            subject = _subject(name, component, shape, branches, dtype, shape.max_length)
            try:
                subject.build()
            except ConfigError as error:
                refused = error
                continue
            accepted += 1
            check_output(subject)
            check_gradients(subject, {signal: (signal,) for signal in subject.signals})
            check_state(subject)
            _check_alone(subject, _subject(name, component, shape, branches, dtype, 1))
            if component.causal:
                check_causality(subject)
        if refused is not None and not accepted:
            raise refused


@torch.no_grad()
def _check_alone(every: Subject, alone: Subject) -> None:
    """A position alone gets what it gets among all: a layer may request only the last one."""
    among_all = every.call(every.build())
    tolerance = 1e-4 if every.dtype == torch.float32 else 1e-6
    part = alone.build()
    for at in (0, every.shape[1] - 1):
        out = alone.call(part, {name: signal[:, at : at + 1] for name, signal in every.signals.items()})
        if not torch.allclose(out, among_all[:, at : at + 1], rtol=tolerance, atol=tolerance):
            moved = (out - among_all[:, at : at + 1]).abs().max().item()
            raise alone.violation("one position alone", "what it gets among all", f"a difference of {moved:.2g}")


def _subject(
    name: str, component: Component, shape: LayerShape, branches: int, dtype: torch.dtype, positions: int
) -> Subject:
    def run(part: Any, signals: Signals) -> Any:
        return part([signals[f"context {branch}"] for branch in range(branches)], signals["the layer's input"])

    names = [*(f"context {branch}" for branch in range(branches)), "the layer's input"]
    return Subject(
        name=f"{name} ({branches} branches, {positions} positions, layer {shape.layer} of {shape.n_layers})",
        make=lambda: component.build(component.options(), shape, branches),
        run=run,
        signals={signal: noise(BATCH, positions, DIM, dtype=dtype, seed=seed) for seed, signal in enumerate(names)},
        shape=(BATCH, positions, DIM),
        dtype=dtype,
    )
