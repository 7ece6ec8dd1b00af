"""Auto-correlation attention of FEARec: finds a sequence's periods and averages over whole periods back.

For short sequences the correlation of queries and keys is read off the score matrix Q K^T, which the branch
`ramp` needs anyway, and no FFT runs (`fearec_plugins.attentions._delays`).
"""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerInputs, LayerShape, Options, Projection
from fearec_cli.errors import ConfigError
from fearec_plugins._kernels.own_length import correlation_of_length
from fearec_plugins.attentions._delays import (
    LONGEST_BY_SCORES,
    MOST_BY_ROWS,
    average_by_fft,
    average_over,
    correlation_by_fft,
    correlation_by_scores,
)

# Share of the largest correlation by which a delay that is longer by one has to be better to be chosen before another.
_EQUALLY_GOOD = 1e-5


class AutocorrOptions(Options):
    """Which delays are kept."""

    top_k: float = Field(
        1.0, gt=0, le=100, description="delays kept are the floor of top_k * ln(positions), 1 at least"
    )
    delays: Literal["sequence", "batch"] = Field(
        "sequence",
        description="sequence: each sequence has its own delays; batch: while training all sequences of a "
        "batch, views included, share them; the authors' code has one set for each view",
    )


class AutocorrAttention(nn.Module):
    """output(t) = sum over kept delays i of w_i V[(t + tau_i) mod N], w = softmax of their correlations.

    One set of delays and weights serves all heads and channels of a sequence. Queries and keys pass the
    layer's filter, values do not. With spectra of true length N is the number of a sequence's real positions, for the
    number of delays too (`fearec_plugins._kernels.own_length`).

    Raises:
        ConfigError: delays of a batch, whose sequences have lengths of their own.
    """

    kept_of: Tensor

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, options: AutocorrOptions, shape: LayerShape) -> None:
        super().__init__()
        n = shape.max_length
        kept = [min(size, max(1, math.floor(options.top_k * math.log(size)))) for size in range(1, n + 1)]
        self.kept = kept[-1]
        self.true_length = shape.spectrum == "true-length"
        if self.true_length:
            if options.delays == "batch":
                raise ConfigError(
                    ["autocorr.delays: a batch shares no delays where model.spectrum = true-length; use sequence"]
                )
            self.register_buffer("kept_of", torch.tensor([0, *kept]), persistent=False)
        self.shared_delays = options.delays == "batch"
        self.by_scores = n <= LONGEST_BY_SCORES

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Average of the values, rolled by the kept delays."""
        if self.true_length:
            return self._of_own_length(inputs)
        delays, weights = self.delays(inputs)
        n = inputs.x.shape[1]
        empty = torch.zeros(weights.shape[0], n, dtype=weights.dtype, device=weights.device)
        if inputs.last_only:
            reached = empty.scatter(1, (inputs.last[:, None] + delays) % n, weights)
            return inputs.weighted(reached[:, None, None], filtered=False)
        if self.kept <= MOST_BY_ROWS:
            return average_over(delays, weights, inputs.v)
        return average_by_fft(empty.scatter(1, delays, weights), inputs.v)

    def delays(self, inputs: LayerInputs) -> tuple[Int[Tensor, "B K"], Float[Tensor, "B K"]]:
        """The kept delays of each sequence, most correlated first, and their weights: a delay reads (t + delay) mod N.

        With spectra of true length they are those of the last position.

        Source: FEARec section 4.3, after Autoformer (Wu et al., NeurIPS 2021), equation 6. The correlation
        is the mean over channels.
        """
        if self.true_length:
            delays, weights = self._own_delays(inputs)
            reached = inputs.last[:, None] - inputs.lengths[:, None] + 1 + (delays - 1) % inputs.lengths[:, None]
            return (reached - inputs.last[:, None]) % inputs.x.shape[1], weights
        correlation = self._correlation(inputs) / inputs.x.shape[-1]
        if self.shared_delays and self.training:
            delays = correlation.mean(0).topk(self.kept).indices.expand(correlation.shape[0], -1)
        else:
            delays = correlation.topk(self.kept, dim=1).indices
        return delays, correlation.gather(1, delays).softmax(1)

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

    def _of_own_length(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        delays, weights = self._own_delays(inputs)
        n, length = inputs.x.shape[1], inputs.lengths[:, None, None]
        first = inputs.last[:, None, None] - length + 1
        queries = inputs.last[:, None] if inputs.last_only else torch.arange(n, device=delays.device)[None]
        reached = first + (queries[..., None] - first + delays[:, None]) % length
        of_query = weights[:, None].expand(reached.shape)
        empty = torch.zeros(*reached.shape[:2], n, dtype=weights.dtype, device=weights.device)
        return inputs.weighted(empty.scatter_add(2, reached, of_query)[:, None], filtered=False)

    def _correlation(self, inputs: LayerInputs) -> Float[Tensor, "B N"]:
        if self.by_scores:
            scores = inputs.summed_scores(filtered=True)
            return correlation_by_scores(scores)
        return correlation_by_fft(inputs.filtered("q"), inputs.filtered("k"))


COMPONENT = Component(
    name="autocorr",
    options=AutocorrOptions,
    build=AutocorrAttention,
    summary="Auto-correlation over the most correlated delays.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.3, and the authors' code",
)
