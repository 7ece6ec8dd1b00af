"""The API for plugins: everything that a component of any package imports.

A plugin is a module named in an entry point of the group `fearec.components` (filters, attentions,
fusions, losses) or `fearec.adapters` (sources of data). It implements a hook of `fearec_cli.components.hookspecs`
with `@hookimpl` and returns `Component`s. First-party components come in the same way.

Letters of shapes, everywhere in the project:

| letter | axis |
|---|---|
| B | sequences of a batch |
| N | positions of a sequence, oldest first, padding included |
| M | requested positions: N, or 1 when only the last one is requested |
| D | dimensions |
| H | heads |
| E | dimensions of a head, D / H |
| F | frequency bins of a real FFT along N, N // 2 + 1 |
| I | items |

This module does not import torch, so that adapters start fast: the names that need it (`LayerInputs`,
`LossInputs`, the contracts and the building blocks), and the one of the Hub, are loaded when first asked for.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy
from pydantic import BaseModel, ConfigDict, Field, field_validator

from fearec_cli.log import Adapter, Log, Source, Tally, lazy_log
from fearec_cli.nn.shape import LayerShape

if TYPE_CHECKING:
    from fearec_cli.kernels import equations_only as equations_only
    from fearec_cli.nn.attention import DotProduct as DotProduct
    from fearec_cli.nn.blocks import Dropout as Dropout
    from fearec_cli.nn.blocks import FeedForward as FeedForward
    from fearec_cli.nn.blocks import ResidualOutput as ResidualOutput
    from fearec_cli.nn.contracts import Attention as Attention
    from fearec_cli.nn.contracts import Filter as Filter
    from fearec_cli.nn.contracts import Fusion as Fusion
    from fearec_cli.nn.contracts import Loss as Loss
    from fearec_cli.nn.contracts import LossInputs as LossInputs
    from fearec_cli.nn.contracts import View as View
    from fearec_cli.nn.fourier import at_least_float32 as at_least_float32
    from fearec_cli.nn.fourier import irfft as irfft
    from fearec_cli.nn.fourier import multiply_spectrum as multiply_spectrum
    from fearec_cli.nn.fourier import rfft as rfft
    from fearec_cli.nn.inputs import LayerInputs as LayerInputs
    from fearec_cli.nn.inputs import Projection as Projection
    from fearec_cli.nn.repeats import AddedScores as AddedScores
    from fearec_cli.system.hub import fetch_from_hub as fetch_from_hub

_LATER = {
    "at_least_float32": "nn.fourier",
    "irfft": "nn.fourier",
    "rfft": "nn.fourier",
    "equations_only": "kernels",
    "fetch_from_hub": "system.hub",
    "multiply_spectrum": "nn.fourier",
    "AddedScores": "nn.repeats",
    "Attention": "nn.contracts",
    "DotProduct": "nn.attention",
    "Dropout": "nn.blocks",
    "FeedForward": "nn.blocks",
    "Filter": "nn.contracts",
    "Fusion": "nn.contracts",
    "LayerInputs": "nn.inputs",
    "Loss": "nn.contracts",
    "LossInputs": "nn.contracts",
    "Projection": "nn.inputs",
    "ResidualOutput": "nn.blocks",
    "View": "nn.contracts",
}

__all__ = [
    "Adapter",
    "Component",
    "Field",
    "LayerShape",
    "Log",
    "Options",
    "RowOptions",
    "Source",
    "Tally",
    "hookimpl",
    "lazy_log",
    *sorted(_LATER),
]

hookimpl = pluggy.HookimplMarker("fearec")


class Options(BaseModel):
    """Base of a component's options: closed, frozen and checked.

    Every option has a default, bounds where it is a number, and a description:

    >>> class Window(Options):
    ...     alpha: float = Field(0.6, gt=0, le=1, description="share of the spectrum each layer keeps")
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


class RowOptions(Options):
    """Which rows of a source are read. An adapter whose options derive from it takes the flags of `fearec prepare`."""

    where: tuple[str, ...] = Field(
        (), description="keep rows for which this holds, as in 'event in view,buy'; may be given several times"
    )
    skip_incomplete: bool = Field(
        False, description="leave out rows without an id, a time or a rating, and count them, instead of an error"
    )

    @field_validator("where", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True, kw_only=True)
class Component:
    """One swappable component and what the registry lists of it.

    Attributes:
        name: what users type; lower case letters, digits and hyphens, unique over all kinds.
        options: its options' model; without one it has no options.
        build: makes the component; its arguments are those of the hook that returns this component
            (`fearec_cli.components.hookspecs`).
        summary: one sentence for `fearec components`.
        source: the paper, equation or code that it comes from.
        causal: True only if no position's output depends on a later position's input.
        onnx: False where the part has no form that ONNX knows (complex numbers, work that depends on the data):
            `fearec export` refuses a model of it in one line. A part that has one beside a faster one asks
            `equations_only`.
    """

    name: str
    options: type[Options] = Options
    build: Callable[..., Any]
    summary: str
    source: str
    causal: bool = False
    onnx: bool = True


def __getattr__(name: str) -> Any:
    if module := _LATER.get(name):
        return getattr(importlib.import_module(f"fearec_cli.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
