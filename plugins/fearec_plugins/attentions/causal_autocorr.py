"""Auto-correlation attention that never looks ahead: every position finds the periods of its own past."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerInputs, LayerShape, Options, Projection


class CausalAutocorrOptions(Options):
    """How many delays are kept."""

    top_k: float = Field(
        1.0, gt=0, le=100, description="delays kept are the floor of top_k * ln(positions), 1 at least"
    )


class CausalAutocorrAttention(nn.Module):
    """output[t] = sum over kept delays i of w_i V[t - tau_i], w = softmax of their correlations.

    R_t(tau) = 1 / D sum over s, tau <= s <= t, of <q_s, k_{s - tau}>: the correlation of the history up to t with
    itself, only delays into the past; the circular one of `autocorr` also correlates the end with the beginning. It
    is a running sum along the diagonals of the score matrix Q K^T. Queries and keys pass the layer's filter, values do
    not.
    """

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, options: CausalAutocorrOptions, shape: LayerShape) -> None:
        super().__init__()
        n = shape.max_length
        self.kept = min(n, max(1, math.floor(options.top_k * math.log(n))))

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Average of the values that the kept delays reach."""
        delays, weights = self._chosen(inputs)
        queries = inputs.last[:, None] if inputs.last_only else torch.arange(inputs.x.shape[1], device=delays.device)
        reached = (queries[..., None] - delays).clamp(min=0)
        n = inputs.x.shape[1]
        empty = torch.zeros(*delays.shape[:2], n, dtype=weights.dtype, device=weights.device)
        return inputs.weighted(empty.scatter_add(2, reached, weights)[:, None], filtered=False)

    def delays(self, inputs: LayerInputs) -> tuple[Int[Tensor, "B K"], Float[Tensor, "B K"]]:
        """The delays of each history's last position and their weights, counted as `autocorr` counts them: a delay
        reads position (t + delay) mod N."""
        delays, weights = self._chosen(inputs)
        n = inputs.x.shape[1]
        if not inputs.last_only:
            at = inputs.last[:, None, None].expand(-1, 1, delays.shape[2])
            delays, weights = delays.gather(1, at), weights.gather(1, at)
        return (n - delays[:, 0]) % n, weights[:, 0]

    def _chosen(self, inputs: LayerInputs) -> tuple[Int[Tensor, "B M K"], Float[Tensor, "B M K"]]:
        """Delays of each requested position and their weights; those that reach before the history weigh 0."""
        scores = inputs.summed_scores(filtered=True) / inputs.x.shape[-1]
        n = scores.shape[1]
        positions = torch.arange(n, device=scores.device)
        delay = positions[:, None] - positions  # [t, tau] -> the key t - tau of query t
        valid = inputs.valid
        real = (delay >= 0) & valid[:, :, None] & valid[:, delay.clamp(min=0)]
        along = scores.gather(2, delay.clamp(min=0).expand_as(scores))
        correlation = along.masked_fill(~real, 0).cumsum(1).masked_fill(~real, -torch.inf)
        correlation[:, :, 0] = correlation[:, :, 0].masked_fill(~valid, 0)  # padding reads itself
        if inputs.last_only:
            correlation = correlation.gather(1, inputs.last[:, None, None].expand(-1, 1, n))
        best = correlation.topk(min(self.kept, n), dim=2)
        return best.indices, best.values.softmax(2)


COMPONENT = Component(
    name="causal-autocorr",
    options=CausalAutocorrOptions,
    build=CausalAutocorrAttention,
    summary="Auto-correlation of each position's past, over its most correlated delays.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.3, in a causal form of this project",
    causal=True,
)
