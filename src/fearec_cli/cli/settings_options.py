"""Command-line options made from settings: type, default, bounds and sentence are declared only in the settings.

An option that is not given is None and is left out, so that a value from a file or a preset is not replaced by a
default of the command line.
"""

import inspect
import json
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from fearec_cli.api import Options
from fearec_cli.errors import ConfigError

Command = TypeVar("Command", bound=Callable[..., None])

# Types that the command line reads itself; text of anything else is read by the settings.
_READ: Mapping[Any, str | None] = {int: "N", float: "X", bool: None, str: "TEXT"}


def settings_options(
    model: type[Options],
    names: Iterable[str] | None = None,
    *,
    panel: str | None = None,
    metavars: Mapping[str, str] | None = None,
) -> list[inspect.Parameter]:
    """A command-line option for each setting, in the order of `names`.

    Args:
        model: the settings.
        names: which of them; all unless given.
        panel: heading under which help lists them.
        metavars: what help calls the value of a setting, where not by its type.
    """
    metavars = metavars or {}
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=_annotation(name, model.model_fields[name], panel, metavars.get(name)),
        )
        for name in (model.model_fields if names is None else names)
    ]


def with_options(*options: Iterable[inspect.Parameter], before: str = "") -> Callable[[Command], Command]:
    """Replace a command's `**settings` by options.

    Args:
        options: groups of them.
        before: parameter of the command that help lists them before; after all of its own unless given.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        added = [option for group in options for option in group]
        keyword_only = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
        at = next((place for place, each in enumerate(own) if each.name == before), len(own))
        merged = [*keyword_only[:at], *added, *keyword_only[at:]]
        command.__signature__ = signature.replace(parameters=merged)  # type: ignore[attr-defined]
        return command

    return decorate


def given(settings: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """The settings given on the command line, as `section.name` where a section is named."""
    prefix = f"{section}." if section else ""
    return {prefix + name: value for name, value in settings.items() if value is not None and value != []}


def naming_flags(error: ConfigError, section: str, settings: Mapping[str, Any]) -> ConfigError:
    """The same problems, with `section.name` written as the option that was typed."""
    problems = []
    for problem in error.problems:
        for name in given(settings):
            if problem.startswith(f"{section}.{name}:"):
                problem = flag(name) + problem.removeprefix(f"{section}.{name}")
        problems.append(problem)
    return ConfigError(problems)


def flag(name: str) -> str:
    """The option of a setting: `--batch-size` of `batch_size`."""
    return "--" + name.replace("_", "-")


def _annotation(name: str, info: FieldInfo, panel: str | None, metavar: str | None) -> Any:
    kind, choices = _read_type(info.annotation), _choices(info.annotation)
    default = info.get_default(call_default_factory=True, validated_data={})
    description = info.description or ""
    # Written here: click would put it in parentheses, as it is not the default of the option, which is None.
    shown = "" if default in (None, False, ()) else f"  [default: {_shown(default)}]"
    option = typer.Option(
        flag(name),
        help=_sentence(description) + shown,
        metavar=metavar or "|".join(choices) or _READ.get(kind),
        autocompletion=(lambda: list(choices)) if choices else None,
        show_default=False,
        rich_help_panel=panel,
    )
    return Annotated[kind | None, option]


def _sentence(description: str) -> str:
    """A description as a sentence, whose first word stays as it is where it is a value: `auto, cpu`, `last: ...`."""
    first = description.partition(" ")[0]
    return f"{description[:1].upper() if first.isalpha() else description[:1]}{description[1:]}."


def _read_type(annotation: Any) -> Any:
    """What the command line reads: the type without None, or text."""
    if get_origin(annotation) in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        return _read_type(members[0]) if len(members) == 1 else str
    if get_origin(annotation) is tuple and get_args(annotation)[1:] == (...,):
        return list[str]
    return annotation if annotation in _READ else str


def _choices(annotation: Any) -> tuple[str, ...]:
    """Values of a Literal, None left out; checked by the settings, offered by completion."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(choice for member in get_args(annotation) for choice in _choices(member))
    return tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()


def _shown(default: Any) -> str:
    return default if isinstance(default, str) else json.dumps(default, default=str)
