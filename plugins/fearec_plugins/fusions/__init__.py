"""What joins the branches of a layer, one a file."""

from fearec_cli.api import Component, hookimpl
from fearec_plugins.fusions import (
    concat,
    gate,
    mix,
    norm_mix,
    residual,
)


@hookimpl
def fearec_fusions() -> list[Component]:
    """Every one of them."""
    return [
        concat.COMPONENT,
        gate.COMPONENT,
        mix.COMPONENT,
        norm_mix.COMPONENT,
        residual.COMPONENT,
    ]
