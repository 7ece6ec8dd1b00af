"""The only place that reads "+" and "*": which components make up a model and its objective."""

import math
import re
from typing import NamedTuple

from fearec_cli.errors import ConfigError

# A "+" inside a number, as in 1e+2, does not separate terms; the one after a name such as top1e does.
_EXPONENT_SIGN = re.compile(r"((?<![a-z0-9.-])[0-9.]+[eE])\+(?=[0-9])")
_TERM = re.compile(r"(?:(?P<weight>[^*]+)\*)?(?P<name>[a-z][a-z0-9-]*)")


class Term(NamedTuple):
    """A weighted term of the objective."""

    weight: float
    name: str


def branches(expression: str) -> tuple[str, ...]:
    """Names of the branches of an attention expression.

    >>> branches("ramp+autocorr")
    ('ramp', 'autocorr')

    Raises:
        ConfigError: a name is missing or appears twice.
    """
    names = tuple(part.strip() for part in expression.split("+"))
    _check_names("attention", expression, names)
    return names


def terms(expression: str) -> tuple[Term, ...]:
    """Weighted terms of a loss expression.

    >>> terms("ce + 0.1*contrast")
    (Term(weight=1.0, name='ce'), Term(weight=0.1, name='contrast'))

    Raises:
        ConfigError: a term is no `name` or `weight*name`, a weight is not a positive number, or a name appears twice.
    """
    parts = [part.strip() for part in _EXPONENT_SIGN.sub(r"\1", expression).split("+")]
    found = [_term(expression, part) for part in parts]
    _check_names("loss", expression, tuple(term.name for term in found))
    return tuple(found)


def _term(expression: str, part: str) -> Term:
    match = _TERM.fullmatch(part.replace(" ", ""))
    if match is None:
        raise ConfigError([f"loss {expression!r}: {part!r} is not NAME or WEIGHT*NAME, as in 'ce+0.1*contrast'"])
    text = match["weight"] or "1"
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (0 < weight < math.inf):
        raise ConfigError([f"loss {expression!r}: the weight {text!r} of {match['name']!r} is not a positive number"])
    return Term(weight, match["name"])


def _check_names(what: str, expression: str, names: tuple[str, ...]) -> None:
    if not all(names):
        raise ConfigError([f"{what} {expression!r}: a name is missing beside '+'"])
    for name in names:
        if names.count(name) > 1:
            raise ConfigError([f"{what} {expression!r}: {name!r} appears more than once"])
