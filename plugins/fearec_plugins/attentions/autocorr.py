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
from fearec_plugins.attentions._delays import (
    LONGEST_BY_SCORES,
    MOST_BY_ROWS,
    average_by_fft,
    average_over,
    correlation_by_fft,
    correlation_by_scores,
)


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
    layer's filter, values do not.
    """

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, options: AutocorrOptions, shape: LayerShape) -> None:
        super().__init__()
        n = shape.max_length
        self.kept = min(n, max(1, math.floor(options.top_k * math.log(n))))
        self.shared_delays = options.delays == "batch"
        self.by_scores = n <= LONGEST_BY_SCORES

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Average of the values, rolled by the kept delays."""
        delays, weights = self.delays(inputs)
        n = inputs.x.shape[1]
        empty = torch.zeros(len(weights), n, dtype=weights.dtype, device=weights.device)
        if inputs.last_only:
            reached = empty.scatter(1, (inputs.last[:, None] + delays) % n, weights)
            return inputs.weighted(reached[:, None, None], filtered=False)
        if self.kept <= MOST_BY_ROWS:
            return average_over(delays, weights, inputs.v)
        return average_by_fft(empty.scatter(1, delays, weights), inputs.v)

    def delays(self, inputs: LayerInputs) -> tuple[Int[Tensor, "B K"], Float[Tensor, "B K"]]:
        """The kept delays of each sequence, most correlated first, and their weights.

        Source: FEARec section 4.3, after Autoformer (Wu et al., NeurIPS 2021), equation 6. The correlation
        is the mean over channels.
        """
        correlation = self._correlation(inputs) / inputs.x.shape[-1]
        if self.shared_delays and self.training:
            delays = correlation.mean(0).topk(self.kept).indices.expand(len(correlation), -1)
        else:
            delays = correlation.topk(self.kept, dim=1).indices
        return delays, correlation.gather(1, delays).softmax(1)

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
