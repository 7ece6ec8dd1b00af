"""Auto-correlation attention of FEARec: finds a sequence's periods and averages over whole periods back.

By the Wiener-Khinchin theorem the circular correlation of queries and keys is the inverse FFT of their
cross-spectrum. It is also the sum along each circular diagonal of the score matrix Q K^T, which the
branch `ramp` needs anyway; for short sequences that route needs no FFT at all.
"""

import math
from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerInputs, LayerShape, Options, Projection, hookimpl

# The longest sequence whose correlation is taken from the score matrix. That route costs N^3 products by
# the fixed matrix of diagonals (and holds it: N^3 numbers), the FFT N log N times the hidden units.
LONGEST_BY_SCORES = 64


class AutocorrOptions(Options):
    """Which delays are kept."""

    top_k: float = Field(
        1.0, gt=0, le=100, description="delays kept are the floor of top_k * ln(positions), 1 at least"
    )
    delays: Literal["sequence", "batch"] = Field(
        "sequence",
        description="sequence: each sequence has its own delays; batch: while training all sequences of a "
        "batch share them, as in the authors' code",
    )


def circular_diagonals(n: int) -> Float[Tensor, "NN N"]:
    """The 0/1 matrix T whose column tau marks circular diagonal tau of a flattened n x n matrix.

    T[(t + tau) mod n * n + t, tau] = 1, so flat(S) T sums S along its circular diagonals, and T w, read as
    an n x n matrix and transposed, is the circulant that applies delay tau with weight w[tau].
    """
    position = torch.arange(n)
    marks = torch.zeros(n, n, n)
    for delay in range(n):
        marks[(position + delay) % n, position, delay] = 1
    return marks.flatten(0, 1)


def correlation_by_scores(scores: Float[Tensor, "B N N"], diagonals: Float[Tensor, "NN N"]) -> Float[Tensor, "B N"]:
    """R(tau) = sum over t of S[(t + tau) mod N, t]."""
    return scores.flatten(1) @ diagonals


def correlation_by_fft(q: Float[Tensor, "B N D"], k: Float[Tensor, "B N D"]) -> Float[Tensor, "B N"]:
    """R(tau) = sum over channels of irfft(rfft(q) * conj(rfft(k)))(tau)."""
    spectrum = torch.fft.rfft(q, dim=1) * torch.fft.rfft(k, dim=1).conj()
    correlation: Tensor = torch.fft.irfft(spectrum.sum(-1), n=q.shape[1], dim=1)
    return correlation


class AutocorrAttention(nn.Module):
    """output(t) = sum over kept delays i of w_i V[(t + tau_i) mod N], w = softmax of their correlations.

    One set of delays and weights serves all heads and channels of a sequence. Queries and keys pass the
    layer's filter, values do not.
    """

    projections: frozenset[Projection] = frozenset({"q", "k", "v"})
    diagonals: Tensor

    def __init__(self, options: AutocorrOptions, shape: LayerShape) -> None:
        super().__init__()
        n = shape.max_length
        self.kept = min(n, max(1, math.floor(options.top_k * math.log(n))))
        self.shared_delays = options.delays == "batch"
        self.by_scores = n <= LONGEST_BY_SCORES
        if self.by_scores:
            self.register_buffer("diagonals", circular_diagonals(n), persistent=False)

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Average of the values, rolled by the kept delays."""
        delays, weights = self.delays(inputs)
        if inputs.last_only:
            rolled = self._roll(inputs.v, delays, inputs.last[:, None])
            return (weights[:, None, None] @ rolled).squeeze(2)
        if self.by_scores:
            n = inputs.v.shape[1]
            spread = torch.zeros(len(weights), n, dtype=weights.dtype, device=weights.device)
            spread = spread.scatter(1, delays, weights)
            circulant = (spread @ self.diagonals.to(spread.dtype).T).view(-1, n, n).transpose(1, 2)
            return circulant @ inputs.v
        positions = torch.arange(inputs.v.shape[1], device=delays.device).expand(len(delays), -1)
        rolled = self._roll(inputs.v, delays, positions)
        return (weights[:, None, None] @ rolled).squeeze(2)

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
            scores = inputs.scores(filtered=True).sum(1)
            return correlation_by_scores(scores, self.diagonals.to(scores.dtype))
        return correlation_by_fft(inputs.filtered("q"), inputs.filtered("k"))

    @staticmethod
    def _roll(
        values: Float[Tensor, "B N D"], delays: Int[Tensor, "B K"], positions: Int[Tensor, "B M"]
    ) -> Float[Tensor, "B M K D"]:
        """V[(t + tau) mod N] for every wanted position t and kept delay tau."""
        index = (positions[:, :, None] + delays[:, None, :]) % values.shape[1]  # [B, M, K]
        row = torch.arange(len(values), device=values.device)[:, None, None]
        return values[row, index]


@hookimpl
def fearec_attentions() -> Iterable[Component]:
    """Register `autocorr`."""
    return [
        Component(
            name="autocorr",
            options=AutocorrOptions,
            build=AutocorrAttention,
            summary="Auto-correlation over the most correlated delays.",
            source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.3, and the authors' code",
        )
    ]
