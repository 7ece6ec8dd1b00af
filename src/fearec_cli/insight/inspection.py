"""One inspection: everything that is measured of a model, and what could not be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fearec_cli.components.expressions import branches
from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.splits import HeldOut
from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.insight import periods
from fearec_cli.insight.delays import Chosen, chosen_delays
from fearec_cli.insight.distances import DistanceBias, distance_biases, repeat_scores
from fearec_cli.insight.gains import Gain, gains
from fearec_cli.insight.histories import Histories, sample, sample_targets, sample_users
from fearec_cli.insight.periods import LagHistogram, Unit
from fearec_cli.insight.spectra import Energy, FilterGain, energies, filter_gains, flatness, padding_leak
from fearec_cli.insight.user import UserView
from fearec_cli.insight.weights import BranchWeights, branch_weights
from fearec_cli.model.encoder import Encoder
from fearec_cli.runs.checkpoint import Checkpoint

# Histories that are enough for spectra and delays, and shuffles of them.
_HISTORIES = 1000
_SHUFFLES = 39
# Interactions that are enough for returns, and targets for the gains of branches: no more than this many, nor than this
# many scores of their ranking, 2,147 targets among a million items. A minute holds all of it on 2 cores.
_INTERACTIONS = 2**19
_TARGETS, _SCORES = 30_000, 2**31


@dataclass(frozen=True)
class Inspection:
    """What a look inside a model found.

    Attributes:
        attention: the expression of its branches.
        days_per_item: median time between neighbouring interactions, in days; None without times.
        filters: gain of each layer's filter.
        energy: of the representations, before the first layer and after each.
        beside: the same of another model, for comparison.
        returns: of users to items, in days and hours; empty without times.
        chosen: lags that the model's branches choose, in items and, with times, in days and hours.
        on_padding: share of the chosen delays that read padding.
        padding_leak: how much padding moves the spectrum of the input, 0 to 1.
        biases: that attention adds by distance, where the model has relative positions.
        repeats: [N] added to the score of an item by the distance back to it; None where the model adds nothing.
        weights: of the branches in each layer.
        gains: which users gain from which branch.
        user: the user that was asked for.
        samples: what was looked at in a part, and how large it is.
        missing: what could not be measured, and why.
    """

    attention: str
    days_per_item: float | None = None
    filters: Sequence[FilterGain] = ()
    energy: Sequence[Energy] = ()
    beside: Sequence[Energy] = ()
    returns: Mapping[Unit, LagHistogram] = field(default_factory=dict)
    chosen: Mapping[Unit, LagHistogram] = field(default_factory=dict)
    on_padding: float | None = None
    padding_leak: float | None = None
    biases: Sequence[DistanceBias] = ()
    repeats: npt.NDArray[np.float64] | None = None
    weights: Sequence[BranchWeights] = ()
    gains: Sequence[Gain] = ()
    user: UserView | None = None
    samples: Sequence[str] = ()
    missing: Sequence[str] = ()

    @property
    def branches(self) -> tuple[str, ...]:
        """Names of the branches."""
        return branches(self.attention)


def inspect(
    checkpoint: Checkpoint,
    prepared: Prepared,
    *,
    beside: Checkpoint | None = None,
    evaluated: Evaluation | None = None,
    seed: int = 0,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Inspection:
    """Measure a model on the test histories of the data set that it was trained on.

    Args:
        checkpoint: the model.
        prepared: its data set.
        beside: another model of the same data set, whose energies are compared.
        evaluated: the model's ranks in the test part, where they are known already.
        seed: of draws and shuffles.
        on_stage: is called with what is measured next.
    """
    encoder = checkpoint.encoder
    device = encoder.item_table().device
    table, held_out = InteractionTable.load(prepared, device), prepared.split.held_out("test")
    times = prepared.timestamps
    histories = sample(encoder, table, held_out, times, _HISTORIES, seed)
    names = branches(checkpoint.recipe.config.attention)
    missing, samples = [], []
    if len(histories.lengths) < len(held_out):
        samples.append(f"frequencies, delays and weights in {len(histories.lengths):,} of {len(held_out):,} histories")

    on_stage("frequencies")
    filters = filter_gains(encoder)
    if all(np.allclose(each.gain, 1) for each in filters):
        missing.append("filters: the model filters nothing (filter none), so every frequency passes")
    energy = energies(encoder, histories.ids, histories.lengths)
    if not energy:
        missing.append("energy by frequency: no history has 8 items or more")
    other = [] if beside is None else _energies_beside(beside, table, held_out, times, seed)

    on_stage("periods in the log")
    found: dict[Unit, LagHistogram] = {}
    if times is None:
        missing.append("periods in hours and days: the data set has no timestamps; prepare a log with times")
    else:
        log = sample_users(prepared.items, prepared.offsets, times, _INTERACTIONS, seed)
        found = periods.returns(*log, ("days", "hours"), seed=seed)
        if len(log.items) < len(prepared.items):
            drawn = f"{len(log.offsets) - 1:,} of {prepared.n_users:,} users"
            samples.append(f"returns in {len(log.items):,} interactions of {drawn}")

    on_stage("delays that the model chooses")
    chosen, on_padding = _chosen(encoder, histories, seed)
    if not chosen:
        missing.append("delays: no branch of the model chooses delays, as autocorr does")

    on_stage("branches")
    gain: list[Gain] = []
    if len(names) < 2:
        missing.append(f"gain of the branches: the model has one branch ({names[0]}), so there is nothing to compare")
    else:
        rows = sample_targets(held_out, min(_TARGETS, max(1, _SCORES // prepared.n_items)), seed)
        if len(rows) < len(held_out):
            samples.append(f"gains of the branches in {len(rows):,} of {len(held_out):,} targets")
        own = held_out.at(rows)
        known = None if evaluated is None else evaluated.at(rows)
        gain = gains(encoder, table, own, names, properties(encoder, prepared, own), evaluated=known, seed=seed)
    return Inspection(
        attention=checkpoint.recipe.config.attention,
        days_per_item=_days_per_item(prepared),
        filters=filters,
        energy=energy,
        beside=other,
        returns=found,
        chosen=chosen,
        on_padding=on_padding,
        padding_leak=padding_leak(encoder, histories.ids, histories.lengths),
        biases=distance_biases(encoder, names),
        repeats=repeat_scores(encoder),
        weights=branch_weights(encoder, histories.ids, histories.lengths) if len(names) > 1 else (),
        gains=gain,
        samples=samples,
        missing=missing,
    )


def properties(encoder: Encoder, prepared: Prepared, held_out: HeldOut) -> dict[str, npt.NDArray[np.float64]]:
    """[P] of each target's history: its length, and of its embedded items the spectral flatness and the strength of
    the strongest period (largest autocorrelation at a lag of 2 to half the length); NaN below 8 items."""
    with torch.no_grad():
        vectors = encoder.item_table().double().cpu().numpy()
    length = (held_out.targets - held_out.starts).astype(np.float64)
    flat, strong = np.full(len(length), np.nan), np.full(len(length), np.nan)
    for row, (start, end) in enumerate(zip(held_out.starts, held_out.targets, strict=True)):
        start = max(start, end - encoder.max_length)
        if end - start >= 8:
            history = vectors[prepared.items[start:end] - 1]
            flat[row], strong[row] = flatness(history), period_strength(history)
    return {"length": length, "spectral flatness": flat, "period strength": strong}


def period_strength(vectors: npt.NDArray[np.float64]) -> float:
    """Largest normalised autocorrelation of a sequence [n, D] at a lag of 2 to n / 2, the mean removed."""
    centred = vectors - vectors.mean(0)
    energy = (centred**2).sum() + 1e-20
    return max(float((centred[lag:] * centred[:-lag]).sum() / energy) for lag in range(2, len(vectors) // 2 + 1))


def to_json(inspection: Inspection) -> dict[str, Any]:
    """The inspection as JSON values."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, Mapping):
            return {str(key): plain(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [plain(each) for each in value]
        return value

    content: dict[str, Any] = plain(asdict(inspection))
    for kind, histograms in (("returns", inspection.returns), ("chosen", inspection.chosen)):
        for unit, histogram in histograms.items():
            content[kind][unit]["periods"] = [
                {**peak._asdict(), "name": periods.name_of(unit, peak.lag)} for peak in histogram.periods
            ]
    return content


def _chosen(encoder: Encoder, histories: Histories, seed: int) -> tuple[dict[Unit, LagHistogram], float | None]:
    """Histograms of the chosen lags beside those on shuffled histories, and the share on padding."""
    first = chosen_delays(encoder, histories.ids, histories.lengths)
    if not first:
        return {}, None
    units: tuple[Unit, ...] = ("items",) if histories.timestamps is None else ("items", "days", "hours")
    random = np.random.default_rng(seed)
    shuffled: dict[Unit, list[npt.NDArray[np.float64]]] = {unit: [] for unit in units}
    for _ in range(_SHUFFLES):
        other = histories.shuffled(random)
        read = chosen_delays(encoder, other.ids, other.lengths)
        for unit in units:
            shuffled[unit].append(_histogram(read, other, unit))
    found = {
        unit: periods.compare(unit, _histogram(first, histories, unit), np.stack(shuffled[unit])) for unit in units
    }
    return found, float(np.mean([each.on_padding for each in first]))


def _histogram(chosen: Sequence[Chosen], histories: Histories, unit: Unit) -> npt.NDArray[np.float64]:
    total = np.zeros(periods.LONGEST[unit])
    for each in chosen:
        gaps = each.back if unit == "items" else histories.gaps(each.history, each.position)
        total += periods.histogram(gaps, unit, each.weight)
    return total


def _energies_beside(
    beside: Checkpoint, table: InteractionTable, held_out: HeldOut, times: npt.NDArray[np.int64] | None, seed: int
) -> list[Energy]:
    other = sample(beside.encoder, table, held_out, times, _HISTORIES, seed)
    return energies(beside.encoder, other.ids, other.lengths)


def _days_per_item(prepared: Prepared) -> float | None:
    if prepared.timestamps is None:
        return None
    users = np.repeat(np.arange(len(prepared.offsets) - 1), np.diff(prepared.offsets))
    within = users[1:] == users[:-1]
    return float(np.median(np.diff(prepared.timestamps)[within])) / periods.SIZE["days"]
