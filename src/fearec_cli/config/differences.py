"""In what two configurations differ, setting by setting."""

import json
import tomllib
from typing import Any, NamedTuple

from fearec_cli.api import Options
from fearec_cli.config.sections import ModelConfig, RunConfig, TrainingConfig
from fearec_cli.system.parsing import parse_toml
from fearec_cli.system.text import value


class Difference(NamedTuple):
    """A setting of which two configurations have other values.

    >>> str(Difference("training.seed", 42, 3))
    'training.seed is 42 there and 3 here'
    """

    name: str
    there: Any
    here: Any

    def __str__(self) -> str:
        return f"{self.name} is {_text(self.there)} there and {_text(self.here)} here"


def differences(config: RunConfig, text: str) -> list[Difference]:
    """The settings in which a configuration differs from the one that a run was begun with.

    A setting that the text does not have, as it is older than the setting, had what is now its default. Options of a
    component that only one of the two has are left out: they follow from the choice of components, which is named.

    Args:
        config: the settings at hand.
        text: TOML that `RunConfig.to_toml` wrote.

    Raises:
        ValueError: it is not such a text.
    """
    there, here = parse_toml(text), tomllib.loads(config.to_toml())
    sections: dict[str, type[Options]] = {"model": ModelConfig, "training": TrainingConfig}
    sections |= {name: type(options) for name, options in config.components.items()}
    choices = [name for name in here if name not in sections]
    for name in choices:
        if name not in there:
            raise ValueError(f"it names no {name}")
    found = [Difference(name, there[name], here[name]) for name in choices if there[name] != here[name]]
    others = bool(found)
    for section, model in sections.items():
        if others and section not in there:
            continue  # a component that was not chosen there
        before, now = (model.model_validate(table.get(section, {})).model_dump() for table in (there, here))
        found += [Difference(f"{section}.{name}", before[name], now[name]) for name in now if before[name] != now[name]]
    strangers = there.keys() - here.keys() - sections.keys()
    if strangers and not found:
        raise ValueError(f"there is no such setting as {min(strangers)}")
    return found


def _text(setting: Any) -> str:
    return value(setting if isinstance(setting, str) else json.dumps(setting, default=str))
