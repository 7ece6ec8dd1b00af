"""Which preset a configuration comes from: the one that it departs from least."""

from typing import Any

from fearec_cli.components.registry import Registry
from fearec_cli.config.loading import load_recipe, preset_names
from fearec_cli.config.sections import RunConfig
from fearec_cli.errors import ConfigError
from fearec_cli.system.parsing import full_names

# Where, how long and from which seed a model is trained does not make it another model.
_FREE = {"seed", "device", "devices", "nodes", "epochs", "max_steps", "time_limit", "patience", "save_minutes"}


def closest_preset(registry: Registry, config: RunConfig) -> str:
    """The preset with the fewest settings that differ, with those that do, as in "sasrec, model.dim=8".

    Of equally close ones it is the first by name. A preset whose components are not installed is passed over.
    """
    own = _settings(config)
    found: list[tuple[list[str], str]] = []
    for name in preset_names():
        try:
            preset = _settings(load_recipe(registry, preset=name).config)
        except ConfigError:
            continue
        names = [*own, *(key for key in preset if key not in own)]
        changed = [f"{key}={own.get(key, 'none')}" for key in names if own.get(key) != preset.get(key)]
        found.append((changed, name))
    changed, name = min(found, key=lambda pair: (len(pair[0]), pair[1]))
    return ", ".join([name, *changed])


def _settings(config: RunConfig) -> dict[str, Any]:
    table = config.model_dump(mode="json", exclude={"training": _FREE, "components": True})
    options = {name: options.model_dump(mode="json") for name, options in config.components.items()}
    return full_names(table) | full_names(options)
