"""Options of components: read from `name.option=value`, checked, described. Knows no component."""

import json
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from fearec_cli.api import Options
from fearec_cli.errors import ConfigError, did_you_mean
from fearec_cli.system.parsing import ParseError, parse_toml
from fearec_cli.system.text import plain_english

_ASSIGNMENT = re.compile(r"([a-z][a-z0-9-]*)\.([A-Za-z_][A-Za-z0-9_]*)=(.*)")
# Attributes of pydantic's constraints, and how they are written for a reader.
_BOUNDS = {
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "multiple_of": "multiple of",
    "min_length": "length >=",
    "max_length": "length <=",
    "pattern": "pattern",
}
Model = TypeVar("Model", bound=Options)


@dataclass(frozen=True)
class OptionRow:
    """An option as `fearec components NAME` and `fearec datasets NAME` print it; all parts are text."""

    name: str
    type: str
    default: str
    bounds: str
    description: str


def parse_assignment(text: str) -> tuple[str, str, Any]:
    """Read `name.option=value`, where the value is a TOML literal. Nothing is ever evaluated.

    What TOML cannot read is text as it stands, so that quotes, which shells eat, are seldom needed:

    >>> parse_assignment("autocorr.top_k=1.0"), parse_assignment("csv.separator=;")
    (('autocorr', 'top_k', 1.0), ('csv', 'separator', ';'))

    Raises:
        ConfigError: it is not an assignment, or a quoted text, list or table that does not close.
    """
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise ConfigError([f"--set {text}: is not NAME.OPTION=VALUE, as in model.dim=32 or csv.unit=ms"])
    name, option, literal = match.groups()
    try:
        value = parse_toml(f"value = {literal}")["value"]
    except ParseError as error:
        if literal.startswith(("'", '"', "[", "{")) and len(literal) > 1:
            raise ConfigError([f"--set {text}: {literal} is not a TOML value: {error}"]) from None
        value = literal
    return name, option, value


def validate_options(name: str, model: type[Model], values: Mapping[str, Any]) -> tuple[Model | None, list[str]]:
    """Check the options of one component.

    Args:
        name: the component's name, for the messages.
        model: its options' model.
        values: option names and values.

    Returns:
        The options and no problems, or None and every problem, a line each.
    """
    wrong = [
        f"{name}.{option}: must be {'a number' if _takes(kind, int, float) else 'a text'}, not {_literal(given)}"
        for option, given in values.items()
        if isinstance(given, bool) and (kind := _type_of(model, option)) is not None and not _takes(kind, bool)
    ]
    if wrong:  # pydantic takes true for 1
        return None, wrong
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        details: dict[str, list[ErrorDetails]] = {}
        for detail in error.errors(include_url=False):
            option = str(detail["loc"][0]) if detail["loc"] else ""
            details.setdefault(option, []).append(detail)
        return None, [_problem(name, model, option, found) for option, found in details.items()]


def describe_options(model: type[Options]) -> list[OptionRow]:
    """A row for each option, in the order in which they are declared."""
    return [
        OptionRow(
            name=name,
            type=_type_name(info.annotation),
            default=_literal(info.get_default(call_default_factory=True, validated_data={})),
            bounds=_bounds(info),
            description=info.description or "",
        )
        for name, info in model.model_fields.items()
    ]


def _type_of(model: type[Options], option: str) -> Any:
    """The annotation of an option; None if there is no such option."""
    return model.model_fields[option].annotation if option in model.model_fields else None


def _takes(annotation: Any, *types_: type) -> bool:
    """Whether one of these types is among those that an annotation names."""
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_takes(member, *types_) for member in get_args(annotation))
    if get_origin(annotation) is Literal:
        return any(type(choice) in types_ for choice in get_args(annotation))
    return annotation in types_ or annotation is Any


def _problem(name: str, model: type[Options], option: str, details: list[ErrorDetails]) -> str:
    """One line for one option, however many members of its type the value fails."""
    if details[0]["type"] == "extra_forbidden":
        names = ", ".join(model.model_fields) or "none"
        hint = did_you_mean(option, model.model_fields) or f"; the options of {name} are: {names}"
        return f"{name}.{option}: there is no such option{hint}"
    place = f"{name}.{option}" if option else name
    form = _form(model.model_fields[option]) if option else ""
    found = [f"must be {form}"] if form else [plain_english(detail["msg"]) for detail in details]
    # `values` may be the whole table where a rule joins several options: then it does not help to show it.
    given = f"{'; it is' if form else ', not'} {_literal(details[0]['input'])}" if option else ""
    bounds = _bounds(model.model_fields[option]) if option and not form else ""
    allowed = f" (allowed: {bounds})" if bounds else ""
    return f"{place}: {' or '.join(dict.fromkeys(found))}{given}{allowed}"


def _type_name(annotation: Any) -> str:
    if get_origin(annotation) is Annotated:
        return _type_name(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        members = ["..." if member is ... else _type_name(member) for member in get_args(annotation)]
        return f"[{', '.join(members)}]"
    if get_origin(annotation) is Literal:
        return " | ".join(str(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(_type_name(member) for member in get_args(annotation))
    if annotation is type(None):
        return "none"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _literal(value: Any) -> str:
    return "none" if value is None else json.dumps(value, default=str, ensure_ascii=False)


def _form(info: FieldInfo) -> str:
    """What a text must look like, in words, where the option says so: `json_schema_extra={"form": "..."}`."""
    extra = info.json_schema_extra
    return str(extra.get("form", "")) if isinstance(extra, Mapping) else ""


def _bounds(info: FieldInfo) -> str:
    if form := _form(info):
        return form
    found = [
        f"{sign} {bound}"
        for rule in info.metadata
        for attribute, sign in _BOUNDS.items()
        if (bound := getattr(rule, attribute, None)) is not None
    ]
    return ", ".join(found)
