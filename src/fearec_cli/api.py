"""The door for plugins: all that a component of anybody's package imports.

A plugin is a module named in an entry point of the group `fearec.components` (filters, attentions,
fusions, losses) or `fearec.adapters` (sources of data). It implements a hook of `fearec_cli.hookspecs`
with `@hookimpl` and returns `Component`s. First-party components come in the same way.

Letters of shapes, everywhere in the project:

| letter | axis |
|---|---|
| B | sequences of a batch |
| N | positions of a sequence, oldest first, padding included |
| M | wanted positions: N, or 1 when only the last one is wanted |
| D | hidden units |
| H | heads |
| E | hidden units of a head, D / H |
| F | frequency bins of a real FFT along N, N // 2 + 1 |
| I | items |

This module does not import torch, so that adapters start fast: the names that need it (`LayerInputs`,
`LossInputs`, the contracts and the building blocks) are loaded when first asked for, and so is `lazy_log`.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pluggy
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    import polars as pl

    from fearec_cli.blocks import DotProduct as DotProduct
    from fearec_cli.blocks import Dropout as Dropout
    from fearec_cli.blocks import FeedForward as FeedForward
    from fearec_cli.blocks import ResidualOutput as ResidualOutput
    from fearec_cli.contracts import Attention as Attention
    from fearec_cli.contracts import Filter as Filter
    from fearec_cli.contracts import Fusion as Fusion
    from fearec_cli.contracts import LayerInputs as LayerInputs
    from fearec_cli.contracts import Loss as Loss
    from fearec_cli.contracts import LossInputs as LossInputs
    from fearec_cli.contracts import View as View
    from fearec_cli.signals import Projection as Projection
    from fearec_cli.streaming import lazy_log as lazy_log

_NEEDS_POLARS = {"lazy_log": "streaming"}
_NEEDS_TORCH = {
    "Attention": "contracts",
    "DotProduct": "blocks",
    "Dropout": "blocks",
    "FeedForward": "blocks",
    "Filter": "contracts",
    "Fusion": "contracts",
    "LayerInputs": "contracts",
    "Loss": "contracts",
    "LossInputs": "contracts",
    "Projection": "signals",
    "ResidualOutput": "blocks",
    "View": "contracts",
}

__all__ = [
    "Adapter",
    "Component",
    "Field",
    "LayerShape",
    "Log",
    "Options",
    "Source",
    "hookimpl",
    *sorted(_NEEDS_POLARS | _NEEDS_TORCH),
]

hookimpl = pluggy.HookimplMarker("fearec")


class Options(BaseModel):
    """Base of a component's options: closed, frozen and checked.

    Every option has a default, bounds where it is a number, and a description:

    >>> class Window(Options):
    ...     alpha: float = Field(0.6, gt=0, le=1, description="share of the spectrum each layer keeps")
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True)


@dataclass(frozen=True, kw_only=True)
class Component:
    """One swappable part and what the registry tells of it.

    Attributes:
        name: what users type; lower case letters, digits and hyphens, unique over all kinds.
        options: its options' model.
        build: makes the part; its arguments are those of the hook that returns this component
            (`fearec_cli.hookspecs`).
        summary: one sentence for `fearec components`.
        source: the paper, equation or code the part comes from.
        causal: True only if no position's output depends on a later position's input.
    """

    name: str
    options: type[Options]
    build: Callable[..., Any]
    summary: str
    source: str
    causal: bool = False


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """All that a component learns of its place in the model.

    Attributes:
        layer: index of the layer, 0 is the one next to the embedding.
        n_layers: number of layers.
        max_length: N, positions of a sequence.
        dim: D, hidden units.
        heads: H, attention heads; divides `dim`.
        hidden_dropout: probability of dropping a unit of a layer's output.
        attention_dropout: probability of dropping an attention weight.
    """

    layer: int
    n_layers: int
    max_length: int
    dim: int
    heads: int
    hidden_dropout: float = 0.0
    attention_dropout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a log came from, as recorded in the prepared data set.

    Attributes:
        adapter: name of the adapter.
        location: file name, Hub repository and path, or generator.
        revision: commit of the Hub repository; empty for a file.
        sha256: of the raw bytes; empty where there are none. The same bytes, read by the same
            adapter with the same options, must give the same rows: they are not read twice.
    """

    adapter: str
    location: str
    revision: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Log:
    """An interaction log, the one thing that an adapter gives.

    Attributes:
        frame: one row an interaction, in the order of the source, with the columns
            `user` (String), `item` (String) and, where the source has them, `timestamp`
            (Int64, microseconds since 1970 UTC) and `rating` (Float64). No nulls: a bad row
            is a DataError when it is read. Rows of one user that have no timestamp are oldest first.
            It is read in batches; a log that may be large should be a scan, or `lazy_log`.
        source: where it came from.
        notes: what a reader of the results should know: `planted` periods of a generated log, the time
            unit that was recognised. Recorded in dataset.json as it is, so JSON values only.
        k_core: the k-core that `prepare` applies unless told otherwise; 0 where the source is already
            prepared.
    """

    frame: "pl.LazyFrame"
    source: Source
    notes: Mapping[str, Any] = field(default_factory=dict)
    k_core: int = 5


class Adapter(Protocol):
    """What an adapter's `build(options)` makes: a reader of one kind of source. No filtering, no splitting."""

    def read(self, path: Path | None) -> Log:
        """Read a log.

        Args:
            path: what `--from` names, or None where the user named nothing.

        Raises:
            DataError: the source cannot be read; names file and line. What is wrong with a row
                may come out later, when the frame is read.
        """


def __getattr__(name: str) -> Any:
    if module := (_NEEDS_POLARS | _NEEDS_TORCH).get(name):
        return getattr(importlib.import_module(f"fearec_cli.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
