"""What our numbers say of a published one: a verdict, and why, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fearec_cli.evaluation.intervals import Interval
from fearec_cli.reproducing.claims import Claim, Samples
from fearec_cli.significance.student import spread

Verdict = Literal["reproduced", "below", "above", "not comparable", "not finished", "not run"]


@dataclass(frozen=True)
class Ours:
    """Our number.

    Attributes:
        mean: over the seeds.
        interval: 95 %: Student's over seeds where there are several, else the bootstrap over users.
        seeds: how many.
    """

    mean: float
    interval: Interval
    seeds: int

    def __str__(self) -> str:
        over = f"{self.seeds} seeds, interval over them" if self.seeds > 1 else "one seed, interval over users"
        return f"{self.mean:.4f} [{self.interval.low:.4f}, {self.interval.high:.4f}], {over}"


def ours(values: Sequence[float], of_users: Interval | None = None) -> Ours | None:
    """Our number over the seeds; None where there is none.

    Args:
        values: of each seed.
        of_users: interval over the users, of a single seed.
    """
    if len(values) > 1:
        found = spread(values)
        return Ours(found.mean, Interval(found.low, found.high), len(values))
    return Ours(values[0], of_users or Interval(values[0], values[0]), 1) if values else None


def not_comparable(claim: Claim, samples: Samples) -> str:
    """Why no run of these settings compares with the claim; empty where it does."""
    if claim.why_not or claim.samples == samples:
        return claim.why_not
    return f"published of {claim.samples} as training samples, and trained here on {samples}"


def judge(claim: Claim, found: Ours | None) -> tuple[Verdict, str]:
    """Whether the number comes out, and by how much.

    Args:
        claim: whose number it is.
        found: ours, of runs that went to their end.
    """
    if found is None:
        return "not run", ""
    distance = found.mean - claim.published
    if abs(distance) <= claim.tolerance:
        return "reproduced", f"{distance:+.4f}, within the tolerance of {claim.tolerance:.4f}"
    low, high = found.interval
    where = "inside" if low <= claim.published <= high else "outside"
    why = f"by {abs(distance):.4f}, more than the tolerance of {claim.tolerance:.4f}; published is {where} our interval"
    return "above" if distance > 0 else "below", why
