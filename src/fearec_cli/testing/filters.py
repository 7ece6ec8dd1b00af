"""The contract of a filter, checked."""

import itertools
from typing import Any

import torch

from fearec_cli.api import Component, LayerShape
from fearec_cli.components.violations import describe, errors_of
from fearec_cli.errors import ConfigError
from fearec_cli.testing.grid import BATCH, DIM, DTYPES, checking, layer_shapes, lengths_of, noise, validity
from fearec_cli.testing.rules import (
    Signals,
    Subject,
    check_causality,
    check_gradients,
    check_output,
    check_state,
    check_unchanged,
)


def check_filter(component: Component) -> None:
    """Check a filter's promises (`fearec_cli.nn.contracts.Filter`).

    - It keeps shape and type of [B, N, D] signals, in float32 and float64; its numbers are finite.
    - The signal and every parameter get finite gradients.
    - In evaluation mode equal inputs give equal outputs.
    - Its state goes through safetensors and back.
    - `response(n)` is real and finite, [F] or [F, D] with F = n // 2 + 1, for N and for other n.
    - With an attribute `constant`, it is linear, treats all dimensions alike, and has that gain of a constant.
    - Declared causal: later positions change nothing, in any bit and either mode, and with padding on the right neither
      does padding.
    - Options have defaults and descriptions.

    A place for which the filter raises `ConfigError` is passed over, if there is one that it accepts.

    Raises:
        PluginError: a promise is broken.
    """
    with checking("filter", component) as name:
        refused: ConfigError | None = None
        accepted = 0
        for shape, dtype in itertools.product(layer_shapes(), DTYPES):
            subject = _subject(name, component, shape, dtype)
            try:
                part = subject.build()
            except ConfigError as error:
                refused = error
                continue
            accepted += 1
            check_output(subject)
            for n in (shape.max_length, shape.max_length + 1, 2 * shape.max_length + 1):
                _check_response(subject, part, n)
            _check_constant(subject, part)
            check_gradients(subject, {"the signal": ("x",)})
            check_state(subject)
            if component.causal:
                check_causality(subject)
                valid = validity(shape.max_length, "right")
                rule = "declared causal, but padding on the right is seen at real positions"
                check_unchanged(subject, rule, changed=~valid, compared=valid)
        if refused is not None and not accepted:
            raise refused


def _subject(name: str, component: Component, shape: LayerShape, dtype: torch.dtype) -> Subject:
    n = shape.max_length

    def run(part: Any, signals: Signals) -> Any:
        return part(signals["x"], lengths_of(n))

    return Subject(
        name=f"{name} (N={n}, layer {shape.layer} of {shape.n_layers})",
        make=lambda: component.build(component.options(), shape),
        run=run,
        signals={"x": noise(BATCH, n, DIM, dtype=dtype, seed=0)},
        shape=(BATCH, n, DIM),
        dtype=dtype,
    )


def _check_response(subject: Subject, part: Any, n: int) -> None:
    bins = n // 2 + 1
    with errors_of(f"{subject.name}, asked for response({n}),"):
        response = part.response(n)
    expected = f"real numbers [{bins}] or [{bins}, {DIM}]"
    if not isinstance(response, torch.Tensor) or response.is_complex():
        raise subject.violation(f"response({n})", expected, describe(response))
    if response.shape not in ((bins,), (bins, DIM)):
        raise subject.violation(f"response({n})", expected, describe(response))
    if not response.isfinite().all():
        raise subject.violation(f"response({n})", "finite numbers", "NaN or infinity")


@torch.no_grad()
def _check_constant(subject: Subject, part: Any) -> None:
    """A filter that declares `constant` commutes with a linear map of the dimensions: P (x W + b) = (P x) W + constant
    b."""
    if (constant := getattr(part, "constant", None)) is None:
        return
    x = subject.signals["x"]
    weight, bias = noise(DIM, DIM, dtype=subject.dtype, seed=1), noise(DIM, dtype=subject.dtype, seed=2)
    if isinstance(part, torch.nn.Module):
        part.eval()
    before = subject.run(part, {"x": x @ weight + bias})
    after = subject.run(part, {"x": x}) @ weight + constant * bias
    if not torch.allclose(before, after, rtol=1e-4, atol=1e-4):
        moved = (before - after).abs().max().item()
        raise subject.violation("constant", "a linear map alike for all dimensions", f"a difference of {moved:.2g}")
