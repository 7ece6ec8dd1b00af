"""What can be plugged in: one hook for each kind, whose docstring is that kind's contract.

Every hook takes nothing and returns `Component`s of its kind. The call contracts themselves, with
shapes, are the protocols of `fearec_cli.nn.contracts` and `fearec_cli.api.Adapter`.
"""

from collections.abc import Iterable

import pluggy

from fearec_cli.api import Component

hookspec = pluggy.HookspecMarker("fearec")


@hookspec
def fearec_filters() -> Iterable[Component]:  # type: ignore[empty-body]
    """Filters along time. `build(options, shape)` makes a `Filter`.

    A filter takes [B, N, D] and the sequences' lengths, returns the same shape, and reports its gain at each
    frequency by `response(n)`. It must be differentiable, and real in, real out.
    """


@hookspec
def fearec_attentions() -> Iterable[Component]:  # type: ignore[empty-body]
    """Branches of a layer. `build(options, shape)` makes an `Attention`.

    A branch takes `LayerInputs`, declares in `projections` which of q, k and v it reads, and returns its context at the
    requested positions. What other branches may need too comes from `LayerInputs`, which computes it once.
    """


@hookspec
def fearec_fusions() -> Iterable[Component]:  # type: ignore[empty-body]
    """Fusions that join branches. `build(options, shape, branches)` makes a `Fusion`.

    A fusion takes the branches' contexts and the layer's input, returns the layer's output before the
    feed-forward, and raises `ConfigError` when built for a number of branches that it cannot join.
    """


@hookspec
def fearec_losses() -> Iterable[Component]:  # type: ignore[empty-body]
    """Terms of the objective. `build(options)` makes a `Loss`.

    A term takes `LossInputs`, declares in `views` what it reads besides the representation, and returns a scalar
    averaged over the batch.
    """


@hookspec
def fearec_adapters() -> Iterable[Component]:  # type: ignore[empty-body]
    """Sources of data. `build(options)` makes an `Adapter`.

    An adapter reads raw files or a Hub repository into a `Log`: rows in the source's order, nothing
    filtered, nothing split, every problem an error that names file and line. It must not import torch.
    """
