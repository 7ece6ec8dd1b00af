"""The contract of a loss term, checked."""

from collections.abc import Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn

from fearec_cli.api import Component, LossInputs
from fearec_cli.nn.contracts import View
from fearec_cli.testing.grid import DIM, DTYPES, checking, noise
from fearec_cli.testing.rules import Signals, Subject, check_gradients

_POSITIONS = 9
_ITEMS = 12


def check_loss(component: Component) -> None:
    """Check a term's promises (`fearec_cli.nn.contracts.Loss`).

    - `views` names views that there are; it reads all that it names, and nothing that it does not.
    - Its value is one finite number of the inputs' type, float32 and float64, of a batch of one too.
    - The gradient is finite, also where all views are equal, as without dropout.
    - What it draws, it draws from torch's generator: equal seeds give equal values.
    - It has no parameter to train: what a term learned would be neither trained nor saved.
    - Options have defaults and descriptions.

    Raises:
        PluginError: a promise is broken.
    """
    with checking("loss", component) as name:
        views = _views(name, component)
        for dtype in DTYPES:
            for batch in (5, 1):
                for equal in (False, True):
                    subject = _subject(name, component, views, dtype, batch, equal=equal)
                    _check_value(subject)
                    check_gradients(subject, _reads(subject.signals, views))


def _views(name: str, component: Component) -> frozenset[View]:
    subject = _subject(name, component, frozenset(), torch.float32, 1, equal=False)
    part = subject.build()
    known = get_args(View)
    declared = getattr(part, "views", None)
    if not isinstance(declared, frozenset) or not declared <= set(known):
        raise subject.violation("views", f"a frozenset of some of {', '.join(map(repr, known))}", repr(declared))
    parameters = part.named_parameters() if isinstance(part, nn.Module) else ()
    trained = [parameter for parameter, value in parameters if value.requires_grad]
    if trained:
        raise subject.violation("parameters", "none: a term's are neither trained nor saved", ", ".join(trained))
    return declared


def _check_value(subject: Subject) -> None:
    values = []
    for _ in range(2):
        part = subject.build(seed=1)
        torch.manual_seed(2)
        values.append(subject.call(part))
    if not values[0].isfinite():
        raise subject.violation("value", "a finite number", str(values[0].item()))
    if not torch.equal(*values):
        raise subject.violation("value", "the same one for the same seed of torch", "another one the second time")


def _reads(signals: Signals, views: frozenset[View]) -> dict[str, Sequence[str]]:
    """What must get a gradient: something at all, and every declared view by one of its signals."""
    reads: dict[str, Sequence[str]] = {"any representation": tuple(name for name in signals if name != "items")}
    for view in sorted(views):
        reads[f"the view {view!r}"] = tuple(name for name in signals if view in name.split())
    return reads


def _subject(
    name: str, component: Component, views: frozenset[View], dtype: torch.dtype, batch: int, *, equal: bool
) -> Subject:
    passes = ("anchor", *(view for view in ("dropout", "semantic") if view in views))

    def run(part: Any, signals: Signals) -> Any:
        return part(
            LossInputs(
                representation=signals["anchor"],
                targets=torch.arange(batch) % 3,
                items=signals["items"],
                views={view: signals[view] for view in passes[1:]},
                positions={view: signals[f"{view} positions"] for view in passes} if "positions" in views else {},
                branches=tuple(signals[f"branches {at}"] for at in range(2)) if "branches" in views else (),
                spectrum=signals.get("spectrum"),
                memory=signals.get("memory"),
                penalty=signals.get("penalty"),
            )
        )

    sizes: dict[str, tuple[int, ...]] = dict.fromkeys(passes, (batch, DIM))
    if "positions" in views:
        sizes |= {f"{view} positions": (batch, _POSITIONS, DIM) for view in passes}
    if "branches" in views:
        sizes |= {f"branches {at}": (batch, DIM) for at in range(2)}
    if "spectrum" in views:
        sizes["spectrum"] = (batch, _POSITIONS // 2 + 1, DIM)
    if "penalty" in views:
        sizes["penalty"] = ()
    if "memory" in views:
        sizes["memory"] = (batch, DIM)
    signals: dict[str, Tensor] = {
        signal: noise(*size, dtype=dtype, seed=0 if equal else seed)
        for seed, (signal, size) in enumerate(sizes.items())
    }
    if "spectrum" in views:
        signals["spectrum"] = signals["spectrum"].abs()
    if "memory" in views and not equal:
        signals["memory"][-1] = 0  # a target that was none yet
    signals["items"] = noise(_ITEMS, DIM, dtype=dtype, seed=99)
    return Subject(
        name=f"{name} (batch of {batch}{', equal views' if equal else ''})",
        make=lambda: component.build(component.options()),
        run=run,
        signals=signals,
        shape=(),
        dtype=dtype,
        declares="views",
    )
