"""Filters along time, one a file."""

from fearec_cli.api import Component, hookimpl
from fearec_plugins.filters import (
    adaptive_wavelet,
    band_gate,
    band_rescale,
    causal_ramp,
    causal_window,
    fir,
    global_filter,
    learnable_ramp,
    none,
    slide,
    window,
)


@hookimpl
def fearec_filters() -> list[Component]:
    """Every one of them."""
    return [
        adaptive_wavelet.COMPONENT,
        band_gate.COMPONENT,
        band_rescale.COMPONENT,
        causal_ramp.COMPONENT,
        causal_window.COMPONENT,
        fir.SHARED_FIR,
        fir.POSITION_FIR,
        global_filter.COMPONENT,
        learnable_ramp.COMPONENT,
        none.COMPONENT,
        slide.COMPONENT,
        window.COMPONENT,
    ]
