"""Spectra of each sequence's own length: correlations and rolls modulo its real positions, not modulo N.

A sequence of n real positions is treated as a model of n positions would treat it without padding. Some components can;
the others raise (`check_padded`).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import LayerShape
from fearec_cli.errors import ConfigError


def check_padded(name: str, shape: LayerShape) -> None:
    """Check that a component with one spectrum is not asked for one of each sequence's length.

    Raises:
        ConfigError: the model's spectra are those of each sequence's own length.
    """
    if shape.spectrum == "true-length":
        raise ConfigError(
            [
                f"model.spectrum = true-length: {name} has one spectrum, of model.max_length; "
                "use the filter window, band-rescale or none, and the attention autocorr"
            ]
        )


def correlation_of_length(
    scores: Float[Tensor, "B N N"], first: Int[Tensor, "B"], lengths: Int[Tensor, "B"]
) -> Float[Tensor, "B N"]:
    """R(tau) = sum over t < n of S[(t + tau) mod n, t] over the n real positions; - inf for tau >= n.

    Args:
        scores: products of queries and keys.
        first: index of the first real position.
        lengths: n of each sequence.
    """
    n = scores.shape[1]
    step = torch.arange(n, device=scores.device)
    rows = first[:, None, None] + (step + step[:, None]) % lengths[:, None, None]  # [B, delay, position]
    columns = first[:, None, None] + step
    pairs = rows * n + columns.clamp(max=n - 1)
    inside = step < lengths[:, None]
    along = scores.flatten(1).gather(1, pairs.flatten(1)).view_as(scores)
    return (along * inside[:, None]).sum(2).masked_fill(~inside, -torch.inf)
