"""Options read, checked and described."""

from typing import Annotated, Literal

import pytest

from fearec_cli.api import Field, Options
from fearec_cli.components.options import OptionRow, describe_options, parse_assignment, validate_options
from fearec_cli.errors import ConfigError


class Example(Options):
    alpha: float = Field(0.6, gt=0, le=1, description="share kept")
    unit: Literal["s", "ms"] = Field("s", description="unit of time")
    column: int | str = Field("user", description="name or number")
    limit: float | None = Field(None, ge=0, description="optional limit")
    mark: str = Field(",", min_length=1, max_length=1, description="one character")
    header: bool = Field(True, description="first line names columns")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("csv.a=1", 1),
        ("csv.a=1.0", 1.0),
        ("csv.a=true", True),
        ('csv.a="x y"', "x y"),
        (r'csv.a="\t"', "\t"),
        ("csv.a='1'", "1"),
        ("csv.a=[1, 2]", [1, 2]),
        ("csv.a=userId", "userId"),
        ("csv.a=;", ";"),
        ('csv.a="', '"'),
        ("csv.a=", ""),
        ("csv.a=b=c", "b=c"),
        ("csv.a=__import__('os').getcwd()", "__import__('os').getcwd()"),
    ],
)
def test_a_value_is_a_toml_literal_or_text(text: str, value: object) -> None:
    name, option, found = parse_assignment(text)
    assert (name, option) == ("csv", "a")
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["csv", "csv.a", "a=1", "csv.=1", ".a=1", "CSV.a=1", 'csv.a="x', "csv.a=[1"])
def test_what_is_no_assignment_is_named(text: str) -> None:
    with pytest.raises(ConfigError, match="--set") as caught:
        parse_assignment(text)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_assignment_cannot_smuggle_in_a_second_one() -> None:
    with pytest.raises(ConfigError):
        parse_assignment("csv.a=1\nb=2")


def test_the_type_of_a_list_is_written_as_the_list_is() -> None:
    class Lists(Options):
        days: tuple[Annotated[int, Field(ge=2)], int] = Field((7, 30), description="two numbers")
        names: str | tuple[str, str] = Field("a", description="one or two")

    assert [row.type for row in describe_options(Lists)] == ["[int, int]", "str | [str, str]"]


def test_valid_options() -> None:
    assert validate_options("example", Example, {"alpha": 1, "column": 3}) == (Example(alpha=1, column=3), [])


def test_every_problem_is_reported_in_a_line_of_its_own() -> None:
    options, problems = validate_options(
        "example", Example, {"alpha": -1, "unit": "sec", "column": [1], "mark": "ab", "alhpa": 1, "zzz": 1}
    )
    assert options is None
    assert problems == [
        "example.alpha: must be greater than 0, not -1 (allowed: > 0, <= 1)",
        "example.unit: must be 's' or 'ms', not \"sec\"",
        "example.column: must be a whole number or must be a text, not [1]",
        'example.mark: must have at most 1 character, not "ab" (allowed: length >= 1, length <= 1)',
        "example.alhpa: there is no such option; did you mean 'alpha'?",
        "example.zzz: there is no such option; the options of example are: alpha, unit, column, limit, mark, header",
    ]


def test_not_a_number_is_refused() -> None:
    _, problems = validate_options("example", Example, {"alpha": float("nan")})
    assert problems[0].startswith("example.alpha: must be ")


def test_rows_tell_type_default_and_bounds() -> None:
    assert describe_options(Example) == [
        OptionRow("alpha", "float", "0.6", "> 0, <= 1", "share kept"),
        OptionRow("unit", "s | ms", '"s"', "", "unit of time"),
        OptionRow("column", "int | str", '"user"', "", "name or number"),
        OptionRow("limit", "float | none", "none", ">= 0", "optional limit"),
        OptionRow("mark", "str", '","', "length >= 1, length <= 1", "one character"),
        OptionRow("header", "bool", "true", "", "first line names columns"),
    ]
