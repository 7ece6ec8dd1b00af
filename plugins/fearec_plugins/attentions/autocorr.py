"""Auto-correlation attention of FEARec: finds a sequence's periods and averages over whole periods back."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerInputs, LayerShape, Options, Projection
from fearec_plugins._kernels.correlation import (
    LONGEST_BY_SCORES,
    average_over,
    correlation_by_fft,
    correlation_by_scores,
    kept_delays,
)
from fearec_plugins.attentions._own_length import OwnLengthAutocorr


class AutocorrOptions(Options):
    """Which delays are kept."""

    top_k: float = Field(
        1.0, gt=0, le=100, description="delays kept are the floor of top_k * ln(positions), 1 at least"
    )
    delays: Literal["sequence", "batch"] = Field(
        "sequence",
        description="sequence: each sequence has its own delays; batch: while training all sequences of one pass, "
        "views included, share them: of a batch, or of a device's part of it; the authors' code "
        "has one set for each view",
    )


class AutocorrAttention(nn.Module):
    """output(t) = sum over kept delays i of w_i V[(t + tau_i) mod N], w = softmax of their correlations.

    One set of delays and weights serves all heads and dimensions of a sequence. Queries and keys pass the layer's
    filter, values do not.
    """

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})

    def __init__(self, options: AutocorrOptions, shape: LayerShape) -> None:
        super().__init__()
        self.kept = kept_delays(shape.max_length, options.top_k)
        self.shared_delays = options.delays == "batch"
        self.by_scores = shape.max_length <= LONGEST_BY_SCORES

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Average of the values, rolled by the kept delays."""
        delays, weights = self.delays(inputs)
        if not inputs.last_only:
            return average_over(delays, weights, inputs.v)
        n = inputs.x.shape[1]
        row = torch.zeros(weights.shape[0], n, dtype=weights.dtype, device=weights.device)
        row = row.scatter(1, (inputs.last[:, None] + delays) % n, weights)
        return inputs.weighted(row[:, None, None], filtered=False)

    def delays(self, inputs: LayerInputs) -> tuple[Int[Tensor, "B K"], Float[Tensor, "B K"]]:
        """The kept delays of each sequence, most correlated first, and their weights: a delay reads (t + delay) mod N.

        The correlation of filtered queries and keys is the mean over dimensions of irfft(rfft(q) conj(rfft(k))). Of
        short sequences it is read off the score matrix Q K^T, which the branch `ramp` needs anyway.

        Source: FEARec section 4.3, after Autoformer (Wu et al., NeurIPS 2021), equation 6.
        """
        if self.by_scores:
            correlation = correlation_by_scores(inputs.summed_scores(filtered=True))
        else:
            correlation = correlation_by_fft(inputs.filtered("q"), inputs.filtered("k"))
        correlation = correlation / inputs.x.shape[-1]
        if self.shared_delays and self.training:
            delays = correlation.mean(0).topk(self.kept).indices.expand(correlation.shape[0], -1)
        else:
            delays = correlation.topk(self.kept, dim=1).indices
        return delays, correlation.gather(1, delays).softmax(1)


def build(options: AutocorrOptions, shape: LayerShape) -> nn.Module:
    """The branch of a layer: over all positions, or over the real ones of each sequence where the model says so."""
    own = shape.spectrum == "true-length"
    return OwnLengthAutocorr(options.top_k, options.delays, shape) if own else AutocorrAttention(options, shape)


COMPONENT = Component(
    name="autocorr",
    options=AutocorrOptions,
    build=build,
    summary="Auto-correlation over the most correlated delays.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.3, and the authors' code",
)
