"""Attention by the power spectrum: a sequence's own auto-correlation weighs every delay."""

from jaxtyping import Float
from torch import Tensor, nn

from fearec_cli.api import Component, Field, LayerInputs, LayerShape, Options, Projection
from fearec_plugins._kernels.correlation import (
    LONGEST_BY_SCORES,
    average_by_fft,
    circulant_of_delays,
    circulant_row,
    correlation_by_fft,
    correlation_by_scores,
)
from fearec_plugins._kernels.own_length import check_padded


class AutocorrSoftmaxOptions(Options):
    """How sharply delays are distinguished."""

    temperature: float = Field(
        0.25,
        gt=0,
        le=100,
        description="the auto-correlation, mean over dimensions and positions, is divided by it before the softmax",
    )


class AutocorrSoftmaxAttention(nn.Module):
    """output(t) = sum over all delays tau of w(tau) V[(t + tau) mod N], w = softmax(R / temperature).

    R(tau) = 1 / (N D) sum over channels of irfft(|rfft(P x)|^2, n=N)(tau), P the layer's filter: by the
    Wiener-Khinchin theorem the mean of (P x)[t + tau] (P x)[t] over channels and positions. One set of weights
    serves all heads and channels of a sequence; no delay is cut off.

    The survey names no scale. R(0) is the signal's mean power, about 1 after LayerNorm, and the largest value of
    all: with the plain inverse FFT, N D times as large, the softmax would put everything on delay 0, and at
    temperature 1 it would be nearly even. Queries and keys are not projected; only values are.
    """

    projections: frozenset[Projection] = frozenset({"v"})

    def __init__(self, options: AutocorrSoftmaxOptions, shape: LayerShape) -> None:
        super().__init__()
        check_padded("autocorr-softmax", shape)
        n = shape.max_length
        self.temperature = options.temperature
        self.by_scores = n <= LONGEST_BY_SCORES

    def forward(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """Average of the values, rolled by every delay."""
        weights = self.weights(inputs)
        if inputs.last_only:
            return inputs.weighted(circulant_row(weights, inputs.last)[:, None], filtered=False)
        values = inputs.v
        if self.by_scores:
            return circulant_of_delays(weights) @ values
        return average_by_fft(weights, values)

    def weights(self, inputs: LayerInputs) -> Float[Tensor, "B N"]:
        """Weight of each delay; they sum to 1."""
        x = inputs.filtered("x")
        correlation = correlation_by_scores(x @ x.mT) if self.by_scores else correlation_by_fft(x, x)
        return (correlation / (x.shape[1] * x.shape[2] * self.temperature)).softmax(1)


COMPONENT = Component(
    name="autocorr-softmax",
    options=AutocorrSoftmaxOptions,
    build=AutocorrSoftmaxAttention,
    summary="Average over all delays, weighted by the auto-correlation of the filtered input.",
    source="the survey's description of FEARec (docs/method.md, section 3), after Wiener-Khinchin",
)
