"""How small a difference some seeds can show.

The difference of two means has the variance of the users, u², and of the seeds, a²/n + b²/m. A true difference is
found at the 5 % level in 4 of 5 repetitions if it is (t(.975) + t(.8)) standard errors large, with n + m - 2 degrees of
freedom (Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988, chapter 2).
"""

import math

from fearec_cli.significance.student import quantile

LEVEL, POWER = 0.05, 0.8
MOST_SEEDS = 1000


def detectable(users: float, first: float, second: float, seeds: tuple[int, int]) -> float:
    """The smallest true difference that would be found with the power above.

    Args:
        users: standard deviation of the difference over draws of users (`Difference.users`).
        first: standard deviation of the first system over seeds.
        second: of the second.
        seeds: how many either system has; 2 or more.
    """
    freedom = sum(seeds) - 2
    error = math.sqrt(users**2 + first**2 / seeds[0] + second**2 / seeds[1])
    return (quantile(1 - LEVEL / 2, freedom) + quantile(POWER, freedom)) * error


def seeds_needed(difference: float, users: float, first: float, second: float) -> int | None:
    """Seeds that each system needs for a true difference to be found; None where not even 1,000 suffice.

    Args:
        difference: the one looked for.
        users: as in `detectable`.
        first: likewise.
        second: likewise.
    """

    def enough(seeds: int) -> bool:
        return detectable(users, first, second, (seeds, seeds)) <= difference

    if not enough(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS  # what is found falls with the number of seeds
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
