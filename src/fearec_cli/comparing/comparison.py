"""Systems compared with the first of them, user by user, and what may be concluded, in words."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from fearec_cli.comparing.judged import Judged
from fearec_cli.errors import ConfigError, EvaluationError
from fearec_cli.evaluation.metrics import SHARES, parse_metric
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.significance.holm import holm
from fearec_cli.significance.paired import Difference, paired_difference
from fearec_cli.significance.power import detectable, seeds_needed

LEVEL = 0.05


@dataclass(frozen=True)
class Compared:
    """One metric of one system beside that of the first.

    Attributes:
        first: the system that others are compared with.
        second: the other.
        protocol: of the ranks.
        metric: such as NDCG@10.
        values: mean of either over its runs.
        deviations: of either over its runs; 0 for a single run.
        runs: how many either has.
        difference: second minus first, paired.
        p: of the difference, corrected by Holm for all that is compared.
    """

    first: str
    second: str
    protocol: RankProtocol
    metric: str
    values: tuple[float, float]
    deviations: tuple[float, float]
    runs: tuple[int, int]
    difference: Difference
    p: float

    @property
    def verdict(self) -> str:
        """Better or worse if both the test and the interval say so; else inside noise."""
        found = self.difference
        if self.p < LEVEL and (found.low > 0 or found.high < 0):
            return "better" if found.value > 0 else "worse"
        return "inside noise"


def compare(
    systems: Sequence[Judged],
    metrics: Sequence[str],
    protocols: Sequence[RankProtocol],
    *,
    draws: int = 10_000,
    seed: int = 0,
) -> list[Compared]:
    """Compare every system with the first, by every metric under every protocol.

    Args:
        systems: two or more.
        metrics: such as NDCG@10.
        protocols: of the ranks.
        draws: of the bootstrap and of the sign flips.
        seed: of both.

    Raises:
        ConfigError: there is only one system, or a metric does not exist.
        EvaluationError: the systems were not judged alike; names what differs.
    """
    if len(systems) < 2:
        raise ConfigError(["compare: name two or more; each is compared with the first"])
    for metric in metrics:
        parse_metric(metric)
    first = systems[0]
    for other in systems[1:]:
        _check_alike(first, other, protocols)
    of_user = first.users.rank("dense").to_numpy().astype(np.int64) - 1
    counts = np.bincount(of_user)
    found = []
    for other, protocol, metric in product(systems[1:], protocols, metrics):
        one, two = (_per_user(system, protocol, metric, of_user, len(counts)) for system in (first, other))
        means = [rows.sum(axis=1) / counts.sum() for rows in (one, two)]
        found.append(
            Compared(
                first=first.name,
                second=other.name,
                protocol=protocol,
                metric=metric,
                values=(float(means[0].mean()), float(means[1].mean())),
                deviations=(_deviation(means[0]), _deviation(means[1])),
                runs=(len(one), len(two)),
                difference=paired_difference(one, two, counts, draws=draws, seed=seed),
                p=1.0,
            )
        )
    corrected = holm([each.difference.p for each in found])
    return [Compared(**{**vars(each), "p": p}) for each, p in zip(found, corrected, strict=True)]


def conclusion(compared: Compared) -> str:
    """A comparison in a sentence."""
    found, (one, two) = compared.difference, compared.values
    numbers = f"{two:.4f} against {one:.4f}, {found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"
    if compared.verdict == "inside noise":
        text = f"the difference between {compared.second} and {compared.first} is inside noise"
    else:
        text = f"{compared.second} is {compared.verdict} than {compared.first}"
    return f"{text} by {compared.metric}, {compared.protocol}: {numbers}, p {compared.p:.2g}"


def caution(systems: Sequence[Judged]) -> str:
    """What single runs cannot show, in a sentence; empty where every system has several."""
    single = [system.name for system in systems if len(system.runs) == 1]
    if not single:
        return ""
    return (
        f"one run: {', '.join(single)}. It is one draw of its seed: this compares the weights, not the methods; for "
        "those train several, `fearec train --seeds 5`"
    )


def detection(compared: Compared, share: float) -> str:
    """Whether so many seeds can show a difference of a share of the first system's value, in a sentence.

    Args:
        compared: the two systems.
        share: such as 0.01.
    """
    asked = f"a difference of {share:.2%} of {compared.values[0]:.4f}"
    if min(compared.runs) < 2:
        return f"a single run cannot show {asked}: how far seeds scatter is not known; `fearec train --seeds 5`"
    users, (one, two) = compared.difference.users, compared.deviations
    smallest = detectable(users, one, two, compared.runs)
    relative = smallest / compared.values[0] if compared.values[0] else float("inf")
    runs = " and ".join(map(str, dict.fromkeys(compared.runs)))
    if relative <= share:
        return f"{runs} seeds can show {asked}: the smallest that they find 4 times in 5 is {relative:.2%}"
    needed = seeds_needed(share * compared.values[0], users, one, two)
    more = f"about {needed} seeds of each would" if needed else "no number of seeds would: the users are too few for it"
    return f"{runs} seeds cannot show {asked}: the smallest that they find 4 times in 5 is {relative:.2%}; {more}"


def to_json(found: Sequence[Compared], systems: Sequence[Judged]) -> dict[str, Any]:
    """The comparisons as JSON values, with the data they rest on."""
    first = systems[0]
    return {
        "dataset": first.dataset,
        "fingerprint": first.fingerprint,
        "split": first.part,
        "rule": first.rule,
        "targets": len(first.users),
        "users": first.users.n_unique(),
        "comparisons": [{**asdict(each), "verdict": each.verdict} for each in found],
    }


def _check_alike(first: Judged, other: Judged, protocols: Sequence[RankProtocol]) -> None:
    """Check that systems were judged alike.

    Raises:
        EvaluationError: names what differs.
    """

    def refused(what: str, one: str, two: str) -> EvaluationError:
        return EvaluationError(
            f"{first.name} and {other.name} do not compare: they differ in their {what}: {one}, and {two}"
        )

    if first.part != other.part:
        raise refused("held-out part", first.part, other.part)
    if first.rule != other.rule:
        raise refused("split", first.rule, other.rule)
    if first.fingerprint != other.fingerprint:
        named = (f"{system.dataset} (fingerprint {system.fingerprint[:12]})" for system in (first, other))
        raise refused("data set", *named)
    if first.ties != other.ties:
        raise refused("tie rule", first.ties, other.ties)
    if not (np.array_equal(first.history, other.history) and first.users.equals(other.users)):
        raise refused("targets", f"{len(first.users):,} targets", f"{len(other.users):,}, some of them others")
    for protocol in protocols:
        for system in (first, other):
            if any(protocol not in ranks for ranks in system.runs):
                there = ", ".join(system.runs[0])
                raise EvaluationError(
                    f"{system.name}: has no ranks under the protocol {protocol} (it has {there}); evaluate it again, "
                    "or choose another --protocol"
                )


def _per_user(
    system: Judged, protocol: RankProtocol, metric: str, of_user: Int[np.ndarray, "P"], users: int
) -> Float[np.ndarray, "R U"]:
    """Sum of a metric over each user's targets, a row a run."""
    _, k = parse_metric(metric)
    shares = SHARES[metric.partition("@")[0]]
    return np.stack([np.bincount(of_user, weights=shares(run[protocol], k), minlength=users) for run in system.runs])


def _deviation(means: Float[np.ndarray, "R"]) -> float:
    return float(means.std(ddof=1)) if len(means) > 1 else 0.0
