"""DuoRec's contrastive loss once more, by explicit loops: slow, plain, and sharing nothing with the package.

Written from the equations of Qiu et al., WSDM 2022 (arXiv 2110.05730). For a positive pair of
representations (a_i, b_i) of sequence i,

    l(a_i, b_i) = -log( exp(sim(a_i, b_i) / tau) / (exp(sim(a_i, b_i) / tau) + sum of exp(sim(a_i, s) / tau)) ),

where s runs over the 2 (B - 1) representations, by either view, of the batch's other sequences. The loss of a pair
of views is the mean of l(a_i, b_i) and l(b_i, a_i) over all sequences, as in SimCLR (Chen et al., ICML 2020).
"""

import math
from collections.abc import Mapping, Sequence

Vector = Sequence[float]
View = Sequence[Vector]  # a vector a sequence


def similarity(one: Vector, other: Vector, kind: str) -> float:
    """Dot product, or cosine."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    if kind == "dot":
        return product
    return product / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in other))


def surprise(sequence: int, own: View, partner: View, tau: float, kind: str) -> float:
    """l(own[sequence], partner[sequence])."""
    anchor = own[sequence]
    positive = similarity(anchor, partner[sequence], kind) / tau
    negatives = []
    for other in range(len(own)):
        if other != sequence:
            negatives.append(similarity(anchor, own[other], kind) / tau)
            negatives.append(similarity(anchor, partner[other], kind) / tau)
    # Every term divided by the largest: exponentials of a small tau are beyond any float.
    largest = max([positive, *negatives])
    total = math.fsum(math.exp(exponent - largest) for exponent in [positive, *negatives])
    return math.log(total) + largest - positive


def pair_loss(one: View, other: View, tau: float, kind: str) -> float:
    """The loss of one pair of views."""
    terms = []
    for sequence in range(len(one)):
        terms.append(surprise(sequence, one, other, tau, kind))
        terms.append(surprise(sequence, other, one, tau, kind))
    return math.fsum(terms) / len(terms)


def duorec_loss(views: Mapping[str, View], choice: str, tau: float, kind: str) -> float:
    """The loss of a choice of views.

    Args:
        views: `anchor`, `dropout` and `semantic`.
        choice: un (unsupervised: anchor and dropout), su (supervised: anchor and semantic), us (both) or
            us_x (dropout and semantic).
        tau: temperature.
        kind: dot or cos.
    """
    un = pair_loss(views["anchor"], views["dropout"], tau, kind)
    su = pair_loss(views["anchor"], views["semantic"], tau, kind)
    crossed = pair_loss(views["dropout"], views["semantic"], tau, kind)
    return {"un": un, "su": su, "us": un + su, "us_x": crossed}[choice]
