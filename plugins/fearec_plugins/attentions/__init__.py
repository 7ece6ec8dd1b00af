"""Branches of a layer, one a file."""

from fearec_cli.api import Component, hookimpl
from fearec_plugins.attentions import (
    autocorr,
    autocorr_softmax,
    causal_autocorr,
    dot,
    identity,
    ramp,
    ramp_kv,
)


@hookimpl
def fearec_attentions() -> list[Component]:
    """Every one of them."""
    return [
        autocorr.COMPONENT,
        autocorr_softmax.COMPONENT,
        causal_autocorr.COMPONENT,
        dot.COMPONENT,
        identity.COMPONENT,
        ramp.COMPONENT,
        ramp_kv.COMPONENT,
    ]
