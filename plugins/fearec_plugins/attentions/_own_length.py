"""`autocorr` where spectra have each sequence's own length: delays and rolls modulo its real positions."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import LayerInputs, LayerShape, Projection
from fearec_cli.errors import ConfigError
from fearec_plugins._kernels.correlation import kept_delays
from fearec_plugins._kernels.own_length import correlation_of_length

# Share of the largest correlation by which a delay that is longer by one has to be better to be chosen before another.
_EQUALLY_GOOD = 1e-5


class OwnLengthAutocorr(nn.Module):
    """output(t) = sum over kept delays i of w_i V[(t + tau_i) mod n], n the sequence's real positions.

    So is the number of delays. The rest is `fearec_plugins.attentions.autocorr`.

    Args:
        top_k: factor of the number of delays.
        delays: whose they are.
        shape: of the layer.

    Raises:
        ConfigError: delays of a batch, whose sequences have lengths of their own.
    """

    kept_of: Tensor

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, top_k: float, delays: Literal["sequence", "batch"], shape: LayerShape) -> None:
        super().__init__()
        if delays == "batch":
            raise ConfigError(
                ["autocorr.delays: a batch shares no delays where model.spectrum = true-length; use sequence"]
            )
        kept = [kept_delays(n, top_k) for n in range(1, shape.max_length + 1)]
        self.kept = kept[-1]
        self.register_buffer("kept_of", torch.tensor([0, *kept]), persistent=False)

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Average of the values, rolled by the kept delays."""
        delays, weights = self._own_delays(inputs)
        n, length = inputs.x.shape[1], inputs.lengths[:, None, None]
        first = inputs.last[:, None, None] - length + 1
        queries = inputs.last[:, None] if inputs.last_only else torch.arange(n, device=delays.device)[None]
        reached = first + (queries[..., None] - first + delays[:, None]) % length
        of_query = weights[:, None].expand(reached.shape)
        empty = torch.zeros(*reached.shape[:2], n, dtype=weights.dtype, device=weights.device)
        return inputs.weighted(empty.scatter_add(2, reached, of_query)[:, None], filtered=False)

    def delays(self, inputs: LayerInputs) -> tuple[Int[Tensor, "B K"], Float[Tensor, "B K"]]:
        """The delays of each sequence's last position, modulo N, and their weights."""
        delays, weights = self._own_delays(inputs)
        reached = inputs.last[:, None] - inputs.lengths[:, None] + 1 + (delays - 1) % inputs.lengths[:, None]
        return (reached - inputs.last[:, None]) % inputs.x.shape[1], weights

    def _own_delays(self, inputs: LayerInputs) -> tuple[Int[Tensor, "B K"], Float[Tensor, "B K"]]:
        """Delays modulo each sequence's length, and their weights; those that a short one does not keep weigh 0.

        The windows of short sequences often hold a single bin, of which many delays are equally good: of those the
        shortest counts, where rounding would choose.
        """
        scores = inputs.summed_scores(filtered=True) / inputs.x.shape[-1]
        correlation = correlation_of_length(scores, inputs.last - inputs.lengths + 1, inputs.lengths)
        step = torch.arange(correlation.shape[1], device=scores.device)
        largest = correlation.masked_fill(step >= inputs.lengths[:, None], 0).abs().amax(1, keepdim=True)
        delays = (correlation - _EQUALLY_GOOD * step * largest).topk(self.kept, dim=1).indices
        dropped = step[: self.kept] >= self.kept_of[inputs.lengths][:, None]
        return delays, correlation.gather(1, delays).masked_fill(dropped, -torch.inf).softmax(1)
