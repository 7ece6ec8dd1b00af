"""What a search may change: options by their full names, each within the bounds that it declares.

`training.learning_rate=1e-4..1e-2:log` is a range, `model.dim=32|64|128` are choices; a comma separates options.
"""

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from fearec_cli.api import Options
from fearec_cli.components.options import parse_assignment, validate_options
from fearec_cli.config import Recipe
from fearec_cli.errors import ConfigError, did_you_mean
from fearec_cli.system.text import value as shown

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(:log)?")
_LONGEST = 10_000
# They decide what is judged, how, and where it is computed: trials that differ in them are not comparable.
_FIXED = {
    f"training.{name}"
    for name in ("seed", "metric", "protocol", "device", "devices", "nodes", "save_minutes", "deterministic")
}


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both among them."""

    name: str
    low: float
    high: float
    log: bool
    whole: bool

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choices:
    """A few values."""

    name: str
    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Dimension = Range | Choices


def read_space(texts: Sequence[str], recipe: Recipe) -> list[Dimension]:
    """The options to search over.

    Args:
        texts: values of --search.
        recipe: what is searched from: it says which options there are, and its values are the first trial.

    Raises:
        ConfigError: carries every problem: no such option, a range or choice outside the declared bounds, an option
            that would change what is judged, or a space that does not hold the recipe's own value.
    """
    problems: list[str] = []
    space: dict[str, Dimension] = {}
    parts = [part.strip() for text in texts for part in text[:_LONGEST].split(",") if part.strip()]
    if not parts:
        problems.append("--search: name an option, as in --search training.learning_rate=1e-4..1e-2:log")
    for part in parts:
        try:
            dimension = _dimension(part, recipe)
        except ConfigError as error:
            problems += error.problems
            continue
        if dimension.name in space:
            problems.append(f"--search {dimension.name}: appears twice; give it once")
        space[dimension.name] = dimension
    if problems:
        raise ConfigError(problems)
    return list(space.values())


def values_of(recipe: Recipe, names: Sequence[str]) -> dict[str, Any]:
    """The values that a recipe gives to options, by their full names."""
    return {name: getattr(_sections(recipe)[name.partition(".")[0]], name.partition(".")[2]) for name in names}


def _sections(recipe: Recipe) -> dict[str, Options]:
    return {"model": recipe.model, "training": recipe.training, **recipe.config.components}


def _dimension(text: str, recipe: Recipe) -> Dimension:
    name, sign, spelled = text.partition("=")
    section, _, option = name.partition(".")
    given = f"--search {shown(name)}"
    sections = _sections(recipe)
    if not sign or not option:
        raise ConfigError([f"--search {shown(text)}: write NAME.OPTION=LOW..HIGH, or NAME.OPTION=A|B"])
    if section not in sections:
        hint = did_you_mean(section, sections) or f"; there are {', '.join(sections)}"
        raise ConfigError([f"{given}: {shown(section)!r} is not a component or section of this model{hint}"])
    options = sections[section]
    if name in _FIXED:
        raise ConfigError([f"{given}: says what is judged or where; trials that differ in it do not compare"])
    field = type(options).model_fields.get(option)
    if field is None:
        _, found = validate_options(section, type(options), {option: 0})
        raise ConfigError([f"--search {problem}" for problem in found if "no such option" in problem])
    kinds = _kinds(field.annotation)
    dimension: Dimension
    if match := _RANGE.fullmatch(spelled):
        low, high, log = float(match[1]), float(match[2]), match[3] is not None
        whole = int in kinds and float not in kinds
        if not kinds & {int, float}:
            raise ConfigError([f"{given}: is not a number; give its choices, as in {name}=A|B"])
        if not low < high:
            raise ConfigError([f"{given}: {match[1]} is not below {match[2]}"])
        if log and low <= 0:
            raise ConfigError([f"{given}: a logarithmic range begins above 0, not at {match[1]}"])
        if whole and not (low.is_integer() and high.is_integer()):
            raise ConfigError([f"{given}: takes whole numbers; give such ends"])
        dimension = Range(name, int(low) if whole else low, int(high) if whole else high, log, whole)
        tried: Sequence[Any] = (dimension.low, dimension.high)
    else:
        tried = [parse_assignment(f"{name}={choice.strip()}")[2] for choice in spelled.split("|")]
        if len(tried) < 2 or len(set(map(repr, tried))) < len(tried):
            raise ConfigError([f"{given}: give a range LOW..HIGH, or two choices or more, A|B, each once"])
        if not all(isinstance(choice, str | int | float | bool) for choice in tried):
            raise ConfigError([f"{given}: a choice is a number, a text, true or false"])
        dimension = Choices(name, tuple(tried))
    _check_bounds(section, option, options, tried)
    own = getattr(options, option)
    if not dimension.holds(own):
        raise ConfigError(
            [
                f"{given}: does not hold {own!r}, the value of the first trial; widen it, or change that by "
                f"--set {name}=VALUE"
            ]
        )
    return dimension


def _check_bounds(section: str, option: str, options: Options, tried: Sequence[Any]) -> None:
    """Check values against the option's own bounds.

    Raises:
        ConfigError: a value is outside the declared bounds or of another type.
    """
    problems = []
    for value in tried:
        _, found = validate_options(section, type(options), {**options.model_dump(), option: value})
        problems += [f"--search {problem}" for problem in found]
    if problems:
        raise ConfigError(problems)


def _kinds(annotation: Any) -> set[Any]:
    """The types that an option takes; of a Literal none."""
    if get_origin(annotation) in (Union, types.UnionType):
        return set().union(*(_kinds(member) for member in get_args(annotation)))
    return set() if get_origin(annotation) is Literal else {annotation}


def suggest(trial: Any, space: Sequence[Dimension]) -> Mapping[str, Any]:
    """The values of a trial of Optuna."""
    found: dict[str, Any] = {}
    for each in space:
        if isinstance(each, Choices):
            found[each.name] = trial.suggest_categorical(each.name, each.values)
        elif each.whole:
            found[each.name] = trial.suggest_int(each.name, int(each.low), int(each.high), log=each.log)
        else:
            found[each.name] = trial.suggest_float(each.name, each.low, each.high, log=each.log)
    return found
