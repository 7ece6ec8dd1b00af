"""What an inspection says in words; every sentence is computed from its numbers."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from fearec_cli.insight.inspection import Inspection
from fearec_cli.insight.periods import LagHistogram, Unit, lag_name, name_of
from fearec_cli.insight.spectra import Energy, low_pass_verdict

_NAMED_PERIODS = 3


def sentences(inspection: Inspection) -> list[str]:
    """The findings, one a line, the log first, then the model, then what is missing."""
    return [
        *_log(inspection),
        *_frequencies(inspection),
        *_delays(inspection),
        *_distances(inspection),
        *_branches(inspection),
        *([f"Looked at in samples: {'; '.join(inspection.samples)}."] if inspection.samples else []),
        *(f"Not measured: {reason}." for reason in inspection.missing),
    ]


def _log(inspection: Inspection) -> Iterator[str]:
    named = [text for unit, found in inspection.returns.items() for text in _periods(unit, found)]
    if named:
        yield f"Users return to items {'; '.join(named[:_NAMED_PERIODS])}."
    elif inspection.returns and not any(found.counts.any() for found in inspection.returns.values()):
        yield "No user comes back to an item within the lags looked at, so the log shows no period of returns."
    elif inspection.returns:
        yield "No period stands out in the log: returns to an item prefer no lag over shuffled histories."


def _periods(unit: Unit, found: LagHistogram) -> Iterator[str]:
    for peak in found.periods:
        times = peak.returns / max(peak.expected, 1e-9)
        lag = f"{peak.lag} {unit if peak.lag > 1 else unit.removesuffix('s')}"
        yield (
            f"{name_of(unit, peak.lag)} ({lag}: {peak.returns:,.0f} returns, {times:.1f} times as many as by "
            f"chance, corrected p = {peak.p:.3f})"
        )


def _frequencies(inspection: Inspection) -> Iterator[str]:
    for each in inspection.filters:
        passed = each.frequency[each.gain > 0.5 * max(each.gain.max(), 1e-12)]
        if len(passed) and len(passed) < len(each.gain):
            low, high = passed.min(), passed.max()
            in_time = ""
            if inspection.days_per_item and low > 0:
                longest, shortest = inspection.days_per_item / low, inspection.days_per_item / high
                in_time = f", periods of about {shortest:.1f} to {longest:.1f} days at the typical pace"
            yield f"Layer {each.layer + 1} passes frequencies from {low:.2f} to {high:.2f} cycles an item{in_time}."
    if inspection.energy:
        yield low_pass_verdict(inspection.energy)
    if inspection.beside and inspection.energy:
        verdict = low_pass_verdict(inspection.beside)
        yield f"Of the model beside it {verdict[0].lower()}{verdict[1:]}"
        yield _difference(inspection.energy, inspection.beside)
    if inspection.padding_leak is not None and inspection.padding_leak > 0.05:
        yield (
            f"Padding moves {inspection.padding_leak:.0%} of the input's energy to other frequencies in histories that "
            "are shorter than the model's length."
        )


def _difference(own: Sequence[Energy], beside: Sequence[Energy]) -> str:
    """Whether the low-pass effect of the layers is that of another model's."""
    kept, theirs = (stages[-1].centre / stages[0].centre for stages in (own, beside))
    if abs(kept - theirs) < 0.05:
        return f"Both keep about as much of the mean frequency, {kept:.0%} and {theirs:.0%}."
    more = "more" if kept > theirs else "less"
    return f"This model keeps {kept:.0%} of the mean frequency, {more} than the {theirs:.0%} of the one beside it."


def _delays(inspection: Inspection) -> Iterator[str]:
    named = [
        f"{lag_name('delays', unit, peak.lag)} (corrected p = {peak.p:.3f})"
        for unit, found in inspection.chosen.items()
        for peak in found.periods[:_NAMED_PERIODS]
    ]
    if named:
        yield f"The delays that the model chooses prefer: {'; '.join(named)}."
    elif inspection.chosen:
        yield "The delays that the model chooses prefer no lag over those on shuffled histories."
    if inspection.on_padding is not None and inspection.on_padding > 0.05:
        yield f"{inspection.on_padding:.0%} of the weight of the chosen delays reads padding."


def _distances(inspection: Inspection) -> Iterator[str]:
    for (layer, branch), own in groupby(inspection.biases, key=lambda each: (each.layer, each.branch)):
        preferred = " and ".join(str(back) for back in sorted({int(each.bias.argmax()) for each in own}))
        items = "item" if preferred == "1" else "items"
        yield f"Layer {layer + 1}, {branch}: what its heads add by distance is largest at {preferred} {items} back."
    if inspection.repeats is not None:
        low, high = int(inspection.repeats.argmin()), int(inspection.repeats.argmax())
        yield (
            f"An item of the history has {inspection.repeats[low]:+.2f} (last seen {low} items before the latest) to "
            f"{inspection.repeats[high]:+.2f} ({high} items before) added to its score."
        )


def _branches(inspection: Inspection) -> Iterator[str]:
    for each in inspection.weights:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in zip(inspection.branches, each.share, strict=True))
        gamma = "" if each.gamma is None else f" (gamma {each.gamma:.2f})"
        yield f"Layer {each.layer + 1} is made of {shares}{gamma}."
    for name in inspection.branches:
        own = [gain for gain in inspection.gains if gain.branch == name]
        certain = [gain for gain in own if gain.low > 0 or gain.high < 0]
        for gain in certain:
            verb = "gain" if gain.gain > 0 else "lose"
            yield (
                f"Users of {gain.group} {gain.by} {verb} {abs(gain.gain):.4f} NDCG@10 by the branch {name} "
                f"(interval {gain.low:+.4f} to {gain.high:+.4f}, {gain.users:,} targets)."
            )
        if own and not certain:
            widest = np.max([gain.high - gain.low for gain in own])
            yield (
                f"No group of users gains or loses by the branch {name} beyond chance (intervals up to {widest:.4f} "
                "wide)."
            )
