"""Terms of the objective, one a file."""

from fearec_cli.api import Component, hookimpl
from fearec_plugins.losses import (
    bce,
    bpr,
    branch_contrast,
    ce,
    contrast,
    filter_penalty,
    gbce,
    memory_contrast,
    sampled_softmax,
    smooth_spectrum,
    sparse_spectrum,
    spectral,
)


@hookimpl
def fearec_losses() -> list[Component]:
    """Every one of them."""
    return [
        bce.COMPONENT,
        bpr.COMPONENT,
        branch_contrast.COMPONENT,
        ce.COMPONENT,
        contrast.COMPONENT,
        filter_penalty.COMPONENT,
        gbce.COMPONENT,
        memory_contrast.COMPONENT,
        sampled_softmax.COMPONENT,
        smooth_spectrum.COMPONENT,
        sparse_spectrum.COMPONENT,
        spectral.COMPONENT,
    ]
