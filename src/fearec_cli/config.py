"""RunConfig: preset < TOML file < flags < --set, into one frozen validated object, and back to TOML.

A configuration is a flat table: `attention`, `filter`, `fusion` and `loss` name components, `[model]`
and `[training]` hold the trunk's and the loop's settings, and `[NAME]` holds the options of the component
NAME. What is written `autocorr.top_k = 1.0` in TOML is `--set autocorr.top_k=1.0` on the command line.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import ConfigDict, Field, SerializeAsAny

from fearec_cli.api import Options
from fearec_cli.components.expressions import branches, terms
from fearec_cli.components.options import parse_assignment, validate_options
from fearec_cli.components.registry import Kind, Registered, Registry
from fearec_cli.errors import ConfigError, PluginError, did_you_mean

DEFAULT_PRESET = "fearec"
TrackerName = Literal["tensorboard", "wandb"]
Precision = Literal["32-true", "bf16-mixed", "bf16-true", "16-mixed"]
_CHOICES = ("attention", "filter", "fusion", "loss")


class ModelConfig(Options):
    """The trunk that the components hang on. Defaults are FEARec's released settings."""

    dim: int = Field(64, ge=1, le=8192, description="hidden units")
    layers: int = Field(2, ge=1, le=128, description="layers")
    heads: int = Field(2, ge=1, le=128, description="attention heads; divides dim")
    inner: int = Field(256, ge=1, le=65536, description="hidden units inside the feed-forward")
    max_length: int = Field(50, ge=2, le=65536, description="positions of a sequence; older items are cut")
    hidden_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of embeddings and layer outputs")
    attention_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of attention weights")
    padding: Literal["right", "left"] = Field("right", description="side on which short sequences are filled up")
    pooling: Literal["last", "mean"] = Field(
        "last",
        description="representation of a sequence: output at its last item, or mean over its items, which costs a "
        "last layer at every position",
    )


class TrainingConfig(Options):
    """The training loop."""

    batch_size: int = Field(256, ge=1, le=1_000_000, description="prefixes a step, of all devices together")
    accumulate: int = Field(
        1,
        ge=1,
        le=10_000,
        description="parts that a step's prefixes go through the model in, one after another, for less memory; "
        "in-batch negatives are those of the part",
    )
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's learning rate, after its warm-up")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="learning rate after the warm-up: constant, or down to 0 along half a cosine"
    )
    warmup_steps: int = Field(0, ge=0, description="steps over which the learning rate rises linearly")
    schedule_steps: int = Field(
        0, ge=0, description="steps of the cosine with its warm-up, after which training ends; for cosine alone"
    )
    weight_decay: float = Field(
        0, ge=0, le=1, description="decoupled decay (AdamW) of linear layers' weights and embedding tables; 0 is none"
    )
    gradient_clip: float = Field(0, ge=0, description="norm that the whole gradient is clipped to; 0 is none")
    ema: float = Field(
        0,
        ge=0,
        lt=1,
        description="decay of the moving average of the weights that is validated and kept as the best; 0 is none",
    )
    epochs: int = Field(200, ge=1, description="passes over the training prefixes, at most")
    max_steps: int = Field(0, ge=0, description="optimiser steps, at most; 0 is no limit")
    time_limit: float = Field(0, ge=0, description="minutes of training, at most; 0 is no limit")
    metric: str = Field(
        "NDCG@10",
        pattern=r"^(HR|NDCG|MRR)@[1-9][0-9]*$",
        description="validation metric that picks the best weights",
    )
    protocol: Literal["unmasked", "seen-masked"] = Field("unmasked", description="protocol of that metric")
    patience: int = Field(10, ge=1, description="epochs without a better metric before training stops")
    save_minutes: float = Field(
        10, ge=0, description="minutes between saves of the state within an epoch; 0 saves after validations alone"
    )
    seed: int = Field(42, ge=0, lt=2**63, description="of weights, order, dropout and draws")
    deterministic: bool = Field(False, description="same seed, same bits on a GPU too, where that costs time")
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:[0-9]+)?)$", description="auto, cpu, cuda or cuda:1")
    devices: int = Field(1, ge=1, le=1024, description="devices of each node; a process trains on each")
    nodes: int = Field(1, ge=1, le=1024, description="machines that share the run")
    capture: bool = Field(
        True, description="record the step once as a CUDA graph and replay it; on a CPU nothing is recorded"
    )
    precision: Precision = Field("32-true", description="of the encoder; the objective and the ranks are float32")


class RunConfig(Options):
    """A whole run: enough, with the data set, to train the same model again.

    Attributes:
        components: validated options of each component of the model, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attention: str
    filter: str
    fusion: str
    loss: str
    model: ModelConfig
    training: TrainingConfig
    components: Mapping[str, SerializeAsAny[Options]]

    def to_toml(self) -> str:
        """The TOML text that `load_config` reads back to the same configuration."""
        table = self.model_dump(mode="json", exclude={"components"})
        # TOML has no null: an option that is None is left out, and None is its default.
        options = {name: values.model_dump(mode="json", exclude_none=True) for name, values in self.components.items()}
        return tomli_w.dumps({**table, **{name: values for name, values in options.items() if values}})

    def with_batch_size(self, size: int) -> "RunConfig":
        """The same run with so many prefixes a step."""
        return self.model_copy(update={"training": self.training.model_copy(update={"batch_size": size})})

    def identity(self) -> str:
        """The TOML text without what only says when to stop and when to save, and without the number of processes,
        which changes dropout masks alone: runs that agree in it can be continued one by the other."""
        free = TrainingConfig().model_dump(
            include={"epochs", "max_steps", "time_limit", "patience", "save_minutes", "devices", "nodes"}
        )
        return self.model_copy(update={"training": self.training.model_copy(update=free)}).to_toml()


def preset_names() -> list[str]:
    """Names of the published models that come with the package."""
    files = resources.files("fearec_cli.presets").iterdir()
    return sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml"))


def load_config(
    registry: Registry,
    *,
    preset: str = DEFAULT_PRESET,
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
) -> RunConfig:
    """Put the layers of a configuration together and check every part of it.

    Options that a preset gives to a component which the user replaced go with that component; an option
    that the user gives to a component which is not in the model is an error.

    Args:
        registry: what components there are.
        preset: name of the published model to start from.
        file: a TOML file over the preset.
        flags: values over the file; "attention" and the like, or "training.seed". None is not given.
        assignments: `NAME.OPTION=VALUE` texts over all.

    Raises:
        ConfigError: carries every problem found.
    """
    problems: list[str] = []
    base = _read_preset(preset if preset in preset_names() else DEFAULT_PRESET)
    if preset not in preset_names():
        problems.append(f"no preset is called {preset!r}; there are: {', '.join(preset_names())}")
    given: dict[str, Any] = {}
    if file is not None:
        try:
            _merge(given, _read_toml(file))
        except ConfigError as error:
            problems += error.problems
    for name, value in (flags or {}).items():
        if value is not None:
            _merge(given, _nested(name, value))
    for text in assignments:
        try:
            table, option, value = parse_assignment(text)
            _merge(given, {table: {option: value}})
        except ConfigError as error:
            problems += error.problems
    return _validate(registry, base, given, problems)


def read_config(registry: Registry, text: str) -> RunConfig:
    """The configuration that `RunConfig.to_toml` wrote.

    Raises:
        ConfigError: carries every problem found, components that are not installed among them.
    """
    return _validate(registry, {}, tomllib.loads(text), [])


def _validate(registry: Registry, base: dict[str, Any], given: dict[str, Any], problems: list[str]) -> RunConfig:
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
    return RunConfig.model_validate({**choices, **sections, "components": components})


def _disagreements(training: TrainingConfig) -> Iterator[str]:
    """Settings of the loop that contradict one another."""
    if training.accumulate > training.batch_size:
        yield (
            f"training.accumulate: {training.accumulate} parts are more than the prefixes of a step, "
            f"training.batch_size = {training.batch_size}"
        )
    if training.schedule == "constant" and training.schedule_steps:
        yield "training.schedule_steps: belongs to training.schedule = cosine; a constant rate has no end"
    if training.schedule == "cosine" and training.schedule_steps <= training.warmup_steps:
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
        return f"{table}: options are given, but {table!r} is no part of this model ({parts})"
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
    return tomllib.loads((resources.files("fearec_cli.presets") / f"{name}.toml").read_text("utf-8"))


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read: {error.strerror or error}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: is no TOML: {error}"]) from error


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
