"""Which preset a configuration comes from: the one that it departs from least."""

from collections.abc import Iterator, Mapping
from typing import Any

from fearec_cli.components.registry import Registry
from fearec_cli.config.loading import load_recipe, preset_names
from fearec_cli.config.sections import RunConfig
from fearec_cli.errors import ConfigError

# Where, how long and from which seed a model is trained does not make it another model.
_FREE = {"seed", "device", "devices", "nodes", "epochs", "max_steps", "time_limit", "patience", "save_minutes"}


def closest_preset(registry: Registry, config: RunConfig) -> str:
    """The preset with the fewest settings that differ, with those that do, as in "sasrec, model.dim=8".

    Of equally close ones it is the first by name. A preset whose components are not installed is passed over.
    """
    own = dict(_settings(config))
    found: list[tuple[list[str], str]] = []
    for name in preset_names():
        try:
            preset = dict(_settings(load_recipe(registry, preset=name).config))
        except ConfigError:
            continue
        names = [*own, *(key for key in preset if key not in own)]
        changed = [f"{key}={own.get(key, 'none')}" for key in names if own.get(key) != preset.get(key)]
        found.append((changed, name))
    changed, name = min(found, key=lambda pair: (len(pair[0]), pair[1]))
    return ", ".join([name, *changed])


def _settings(config: RunConfig) -> Iterator[tuple[str, Any]]:
    table = config.model_dump(mode="json", exclude={"training": _FREE, "components": True})
    yield from _flat(table)
    yield from _flat({name: options.model_dump(mode="json") for name, options in config.components.items()})


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
