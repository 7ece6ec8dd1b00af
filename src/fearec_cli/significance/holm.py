"""Several tests at once: Holm's correction."""

from collections.abc import Sequence


def holm(probabilities: Sequence[float]) -> list[float]:
    """p values corrected so that the chance of any false finding among all of them stays below the level.

    Sorted upwards, the i-th of m is multiplied by m - i + 1, and none is below the one before (Holm, Scandinavian
    Journal of Statistics 6, 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(probabilities)), key=probabilities.__getitem__)
    corrected = [0.0] * len(probabilities)
    largest = 0.0
    for place, index in enumerate(order):
        largest = max(largest, min(1.0, probabilities[index] * (len(order) - place)))
        corrected[index] = largest
    return corrected
