"""Half precision, where an operation knows none."""

import torch
from jaxtyping import Float
from torch import Tensor


def at_least_float32(x: Float[Tensor, "*L"]) -> Float[Tensor, "*L"]:
    """x, in float32 where it is shorter: FFTs and complex numbers know no bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
