"""Frequencies of a model: the gain of each layer's filter, and where the energy of the representations lies.

The energy of a sequence of n positions at frequency f (cycles an item) is |X(f)|^2, X the real FFT of its real
positions along time, summed over the dimensions. It is gathered in bands of equal width from 0 to 0.5 and divided by
the sequence's total, so that a band's share does not depend on length or scale; shares are averaged over sequences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fearec_cli.model.branches import given_to, layers_of
from fearec_cli.model.encoder import Encoder

BANDS = 10
# Shorter histories have too few frequencies to fill the bands.
SHORTEST = 8


@dataclass(frozen=True)
class FilterGain:
    """The gain of one layer's filter.

    Attributes:
        layer: from 0.
        gain: [F] magnitude at each frequency, averaged over the dimensions.
        frequency: [F] cycles an item.
    """

    layer: int
    frequency: npt.NDArray[np.float64]
    gain: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Energy:
    """Where the energy of representations lies.

    Attributes:
        stage: "input", or "after layer 1" and so on.
        share: [BANDS] of the energy, mean removed, averaged over sequences; they sum to 1.
    """

    stage: str
    share: npt.NDArray[np.float64]

    @property
    def centre(self) -> float:
        """Mean frequency of the energy, in cycles an item: it falls where a layer passes low frequencies."""
        return float((self.share * band_centres()).sum())


def band_centres() -> npt.NDArray[np.float64]:
    """[BANDS] frequencies in the middle of each band, in cycles an item."""
    centres: npt.NDArray[np.float64] = (np.arange(BANDS, dtype=np.float64) + 0.5) * (0.5 / BANDS)
    return centres


@torch.no_grad()
def filter_gains(encoder: Encoder) -> list[FilterGain]:
    """The gain of every layer's filter at the model's own length."""
    n = encoder.max_length
    found = []
    for index, layer in enumerate(layers_of(encoder)):
        response = layer.filter.response(n).double()
        gain = response if response.ndim == 1 else response.mean(1)
        found.append(FilterGain(index, np.arange(n // 2 + 1) / n, gain.cpu().numpy()))
    return found


@torch.no_grad()
def energies(encoder: Encoder, ids: Tensor, lengths: Tensor) -> list[Energy]:
    """Energy before the first layer and after each.

    Args:
        encoder: in evaluation mode.
        ids: [B, N] padded histories.
        lengths: [B].
    """
    long_enough = lengths >= SHORTEST
    ids, lengths = ids[long_enough], lengths[long_enough]
    if not len(ids):
        return []
    with given_to(layers_of(encoder)) as calls:
        encoded = encoder(ids, lengths, {"positions"})
    signals = [x for x, *_ in calls]
    assert encoded.positions is not None  # it was asked for
    stages = ["input", *(f"after layer {index + 1}" for index in range(len(signals)))]
    valid = ids > 0
    return [
        Energy(stage, _shares(signal, valid, lengths))
        for stage, signal in zip(stages, [*signals, encoded.positions], strict=True)
    ]


@torch.no_grad()
def padding_leak(encoder: Encoder, ids: Tensor, lengths: Tensor) -> float:
    """How much padding moves the spectrum: the mean absolute difference of band shares, 0 to 1.

    Half the sum of |share on the N padded positions - share on the real positions| of the embedded input, averaged
    over the sequences that are shorter than N.
    """
    short = (lengths >= SHORTEST) & (lengths < ids.shape[1])
    ids, lengths = ids[short], lengths[short]
    if not len(ids):
        return 0.0
    signal, valid = encoder.embedding(ids), ids > 0
    padded = _band_shares(signal * valid[..., None])
    own = _per_sequence(signal, valid, lengths)
    return float((padded - own).abs().sum(1).mean() / 2)


def flatness(vectors: npt.NDArray[np.float64]) -> float:
    """Spectral flatness of a sequence [n, D]: geometric by arithmetic mean of its power, the mean removed; 1 is noise,
    near 0 a pure tone (Gray and Markel, IEEE ASSP 1974)."""
    power = (np.abs(np.fft.rfft(vectors - vectors.mean(0), axis=0)) ** 2).sum(1)[1:] + 1e-12
    return float(np.exp(np.log(power).mean()) / power.mean())


def _shares(signal: Tensor, valid: Tensor, lengths: Tensor) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = _per_sequence(signal, valid, lengths).mean(0).double().cpu().numpy()
    return shares


def _per_sequence(signal: Tensor, valid: Tensor, lengths: Tensor) -> Tensor:
    """[B, BANDS] shares on the real positions: sequences of one length together."""
    out = signal.new_zeros(len(signal), BANDS)
    for length in lengths.unique().tolist():
        rows = torch.nonzero(lengths == length)[:, 0]
        own = signal[rows][valid[rows]].view(len(rows), length, -1)
        out[rows] = _band_shares(own)
    return out


def _band_shares(signal: Tensor) -> Tensor:
    """[B, BANDS] of signals [B, n, D]; frequency 0, the mean, is left out."""
    n = signal.shape[1]
    power = torch.fft.rfft(signal.float(), dim=1).abs().square().sum(2)[:, 1:]
    frequency = torch.arange(1, n // 2 + 1, device=signal.device) / n
    band = (frequency / 0.5 * BANDS).ceil().long().clamp(1, BANDS) - 1
    total = power.new_zeros(len(power), BANDS).index_add_(1, band, power)
    shares: Tensor = total / total.sum(1, keepdim=True).clamp(min=1e-20)
    return shares


def low_pass_verdict(stages: Sequence[Energy]) -> str:
    """One sentence: whether the layers lower the mean frequency of the representations."""
    if len(stages) < 2:
        return "No history is long enough to measure frequencies."
    if not stages[0].centre:
        return "The representations of a history do not differ: they have no frequency."
    first, last = stages[0].centre, stages[-1].centre
    change = (last - first) / first
    if abs(change) < 0.05:
        return f"The layers keep the mean frequency of the representations ({first:.3f} to {last:.3f} cycles an item)."
    verb = "lower" if change < 0 else "raise"
    return (
        f"The layers {verb} the mean frequency of the representations by {abs(change):.0%}, from {first:.3f} to "
        f"{last:.3f} cycles an item{': they act as a low-pass filter' if change < 0 else ''}."
    )
