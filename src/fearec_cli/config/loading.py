"""From preset < TOML file < flags < `--set` to one recipe, every part of it checked."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from fearec_cli.api import Options
from fearec_cli.components.expressions import branches, terms
from fearec_cli.components.options import parse_assignment, validate_options
from fearec_cli.components.registry import Kind, Registered, Registry
from fearec_cli.config.recipe import Recipe
from fearec_cli.config.sections import ModelConfig, RunConfig, TrainingConfig
from fearec_cli.errors import ConfigError, PluginError, did_you_mean
from fearec_cli.system.parsing import ParseError, parse_toml, read_bounded

# What learns best in minutes on the data sets of docs/results.md; where a component is chosen and no preset is named,
# the published model, whose trunk takes any component.
RECOMMENDED_PRESET = "sasrec-causal"
PUBLISHED_PRESET = "fearec"
# Of a run's file: what the run was begun with, which is no setting.
RUN_TABLE = "run"
_CHOICES = ("attention", "filter", "fusion", "loss")


def preset_names() -> list[str]:
    """Names of the published models that come with the package."""
    files = resources.files("fearec_cli.presets").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def preset_text(name: str) -> str:
    """The TOML text of a preset: what it is and where it departs from its source, then its settings."""
    return (resources.files("fearec_cli.presets") / f"{name}.toml").read_text("utf-8")


def load_recipe(
    registry: Registry,
    *,
    preset: str | None = None,
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
) -> Recipe:
    """Put the layers of a configuration together and check every part of it.

    Options that a preset gives to a component which the user replaced go with that component; an option
    that the user gives to a component which is not in the model is an error.

    Args:
        registry: what components there are.
        preset: name of the model to start from; without one that of the run whose file is given, else the recommended
            preset, or the published FEARec where the file or a flag chooses a component.
        file: a TOML file over the preset.
        flags: values over the file; "attention" and the like, or "training.seed". None is not given.
        assignments: `NAME.OPTION=VALUE` texts over all.

    Raises:
        ConfigError: carries every problem found.
    """
    problems: list[str] = []
    if preset is not None and preset not in preset_names():
        hint = did_you_mean(preset, preset_names()) or f"; there are: {', '.join(preset_names())}"
        problems.append(f"no preset is called {preset!r}{hint}")
        preset = None
    given: dict[str, Any] = {}
    if file is not None:
        try:
            _merge(given, _read_toml(file))
        except ConfigError as error:
            problems += error.problems
    begun = given.pop(RUN_TABLE, {})  # of the file of another run
    if preset is None and isinstance(begun, Mapping) and begun.get("preset") in preset_names():
        preset = begun["preset"]
    _merge_given(given, flags or {}, assignments, problems)
    if preset is None:
        preset = PUBLISHED_PRESET if any(choice in given for choice in _CHOICES) else RECOMMENDED_PRESET
    base = _read_preset(preset)
    expectation = base.pop("expectation", "")
    recipe = _validate(registry, base, given, problems)
    # What a preset says of itself holds for its own components and their options alone.
    own = given.keys() <= {"model", "training"}
    return replace(recipe, preset=preset, expectation=expectation if own else "")


def load_run(
    registry: Registry, file: Path, *, flags: Mapping[str, Any] | None = None, assignments: Iterable[str] = ()
) -> Recipe:
    """The recipe of a run that is there, from its own file, and what the user changes of it.

    Args:
        registry: what components there are.
        file: TOML that `RunConfig.to_toml` wrote.
        flags: values over it, as those of `load_recipe`.
        assignments: `NAME.OPTION=VALUE` texts over both.

    Raises:
        ConfigError: carries every problem found.
    """
    problems: list[str] = []
    base = _read_toml(file)
    given: dict[str, Any] = {}
    base.pop(RUN_TABLE, None)
    _merge_given(given, flags or {}, assignments, problems)
    return _validate(registry, base, given, problems)


def read_recipe(registry: Registry, text: str) -> Recipe:
    """The recipe whose configuration `RunConfig.to_toml` wrote.

    Raises:
        ConfigError: carries every problem found, components that are not installed among them.
    """
    try:
        return _validate(registry, {}, parse_toml(text), [])
    except ParseError as error:
        raise ConfigError([f"its configuration cannot be read: {error}"]) from error


def _merge_given(
    given: dict[str, Any], flags: Mapping[str, Any], assignments: Iterable[str], problems: list[str]
) -> None:
    """Put flags and `--set` over what is given."""
    for name, value in flags.items():
        if value is not None:
            _merge(given, _nested(name, value))
    for text in assignments:
        try:
            table, option, value = parse_assignment(text)
            _merge(given, {table: {option: value}})
        except ConfigError as error:
            problems += error.problems


def _validate(registry: Registry, base: dict[str, Any], given: dict[str, Any], problems: list[str]) -> Recipe:
    merged = {**base}
    _merge(merged, given)
    choices = {key: merged.pop(key, "") for key in _CHOICES}
    for key, value in choices.items():
        if not isinstance(value, str):
            problems.append(f"{key} must be a text, not {value!r}")
            choices[key] = ""
    found = list(_find_components(registry, choices, problems))
    names = {entry.name for entry in found}
    for table in given:
        if table not in (*_CHOICES, "model", "training") and table not in names:
            problems.append(_unused(registry, table, names))

    sections = {}
    for section, model in (("model", ModelConfig), ("training", TrainingConfig)):
        sections[section] = _options(section, model, merged.get(section, {}), problems)
    components = {}
    for entry in found:
        components[entry.name] = _options(entry.name, entry.component.options, merged.get(entry.name, {}), problems)
    trunk = sections["model"]
    if isinstance(trunk, ModelConfig) and trunk.dim % trunk.heads:
        problems.append(f"model.heads: {trunk.heads} heads do not divide model.dim = {trunk.dim}")
    loop = sections["training"]
    if isinstance(loop, TrainingConfig):
        problems += _disagreements(loop)
    if problems:
        raise ConfigError(problems)
    config = RunConfig.model_validate({**choices, **sections, "components": components})
    return Recipe.of(config, registry)


def _disagreements(training: TrainingConfig) -> Iterator[str]:
    """Settings of the loop that contradict one another."""
    if training.accumulate > training.batch_size:
        yield (
            f"training.accumulate: {training.accumulate} micro-batches are more than the prefixes of a step, "
            f"training.batch_size = {training.batch_size}"
        )
    if training.schedule == "constant" and training.schedule_steps:
        yield "training.schedule_steps: belongs to training.schedule = cosine; a constant rate has no end"
    if training.schedule == "cosine" and 0 < training.schedule_steps <= training.warmup_steps:
        yield (
            "training.schedule_steps: the cosine needs more steps than training.warmup_steps = "
            f"{training.warmup_steps}, not {training.schedule_steps}"
        )


def _find_components(registry: Registry, choices: Mapping[str, str], problems: list[str]) -> Iterator[Registered]:
    wanted: list[tuple[Kind, str]] = []
    try:
        wanted += [("attention", name) for name in branches(choices["attention"])]
    except ConfigError as error:
        problems += error.problems
    wanted += [("filter", choices["filter"]), ("fusion", choices["fusion"])]
    try:
        wanted += [("loss", term.name) for term in terms(choices["loss"])]
    except ConfigError as error:
        problems += error.problems
    for kind, name in wanted:
        try:
            yield registry.get(kind, name)
        except PluginError as error:
            problems.append(str(error))


def _unused(registry: Registry, table: str, used: set[str]) -> str:
    parts = ", ".join(sorted(used))
    if any(entry.name == table for entry in registry):
        return f"{table}: options are given, but {table!r} is not a component of this model ({parts})"
    return (
        f"{table}: there is no such setting or component{did_you_mean(table, [*_CHOICES, 'model', 'training', *used])}"
    )


def _options(name: str, model: type[Options], values: Any, problems: list[str]) -> Options | None:
    if not isinstance(values, Mapping):
        problems.append(f"{name} must be a table of options, not {values!r}")
        return None
    options, found = validate_options(name, model, values)
    problems += found
    return options


def _read_preset(name: str) -> dict[str, Any]:
    return tomllib.loads(preset_text(name))


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return parse_toml(read_bounded(file))
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror or error}"]) from error
    except ParseError as error:
        raise ConfigError([f"{file}: is not TOML: {error}"]) from error


def _nested(name: str, value: Any) -> dict[str, Any]:
    table, _, option = name.partition(".")
    return {table: {option: value}} if option else {table: value}


def _merge(target: dict[str, Any], source: Mapping[str, Any]) -> None:
    """Put `source` over `target`, tables option by option."""
    for key, value in source.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), Mapping):
            target[key] = {**target[key], **value}
        else:
            target[key] = value
