"""Student's t: its distribution in closed form, and the interval of a mean over a few seeds."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from fearec_cli.errors import EvaluationError

LEVEL = 0.95


@dataclass(frozen=True)
class Spread:
    """How a number varies from run to run.

    Attributes:
        mean: of the runs.
        deviation: sample standard deviation, with n - 1 in the denominator.
        low: lower end of the interval of the mean.
        high: upper end.
        runs: n, how many numbers there are.
    """

    mean: float
    deviation: float
    low: float
    high: float
    runs: int


def spread(values: Sequence[float], level: float = LEVEL) -> Spread:
    """Mean, deviation and Student's interval of the mean: mean ± t(n - 1) · deviation / √n.

    It holds where runs differ by their seed alone and their numbers are near normal. It says nothing of the users: a
    mean over seeds still rests on one draw of users.

    >>> found = spread([0.060, 0.062, 0.061])
    >>> f"{found.mean:.4f} ± {found.deviation:.4f} [{found.low:.4f}, {found.high:.4f}]"
    '0.0610 ± 0.0010 [0.0585, 0.0635]'

    Args:
        values: a number a run, two or more.
        level: share of such intervals that hold the true mean.

    Raises:
        EvaluationError: there are fewer than two, or one is NaN or infinite.
    """
    if len(values) < 2:
        raise EvaluationError("an interval over seeds needs two runs or more; train more seeds")
    if not all(map(math.isfinite, values)):
        raise EvaluationError("a metric of a run is not a finite number; evaluate that run again")
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    half = quantile((1 + level) / 2, len(values) - 1) * deviation / math.sqrt(len(values))
    return Spread(mean, deviation, mean - half, mean + half, len(values))


def quantile(probability: float, freedom: int) -> float:
    """The t below which a share of Student's distribution lies, found by halving.

    Args:
        probability: the share, above 0 and below 1.
        freedom: degrees of freedom, 1 or more.
    """
    if probability < 0.5:
        return -quantile(1 - probability, freedom)
    low, high = 0.0, 1.0
    while distribution(high, freedom) < probability:
        low, high = high, 2 * high
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if distribution(middle, freedom) < probability else (low, middle)
    return high


def distribution(t: float, freedom: int) -> float:
    """The share of Student's distribution below t, for whole degrees of freedom.

    The finite sums of Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.3 and 26.7.4, in
    θ = arctan(t / √freedom).
    """
    angle = math.atan2(t, math.sqrt(freedom))
    sine, squared = math.sin(angle), math.cos(angle) ** 2
    odd = freedom % 2
    term = math.cos(angle) if odd else 1.0
    total = 0.0
    for step in range(freedom // 2):
        total += term
        numerator = 2 * step + 1 + odd
        term *= squared * numerator / (numerator + 1)
    within = 2 / math.pi * (angle + sine * total) if odd else sine * total
    return (1 + within) / 2
