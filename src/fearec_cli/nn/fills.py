"""What stands at the positions of padding, which filters and correlations read."""

from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from fearec_cli.nn.positions import Padding

Fill = Literal["cyclic", "reflect"]


def filled(ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], padding: Padding, fill: Fill) -> Int[Tensor, "B N"]:
    """Histories with items at the positions of padding too.

    Args:
        ids: padded with 0.
        lengths: number of real positions, 1 at least.
        padding: side of the padding.
        fill: cyclic: a, b, c goes on as a, b, c, a; reflect: as b, a, b, c.
    """
    n, size = ids.shape[1], lengths[:, None]
    first = torch.zeros_like(size) if padding == "right" else n - size
    offset = torch.arange(n, device=ids.device) - first  # from the history's first item
    if fill == "cyclic":
        offset = offset % size
    else:
        period = (2 * size - 2).clamp(min=1)
        offset = offset % period
        offset = torch.minimum(offset, period - offset).clamp(max=size - 1)
    return ids.gather(1, first + offset)
