"""Options of the command line that are made from settings."""

from typing import Any, Literal

import pytest
import typer
from typer.testing import CliRunner

from fearec_cli.api import Field, Options
from fearec_cli.cli.settings_options import flag, given, naming_flags, settings_options, with_options
from fearec_cli.errors import ConfigError


class Settings(Options):
    """Some of each kind."""

    steps: int = Field(3, ge=1, description="how many")
    rate: float | None = Field(None, description="how fast")
    side: Literal["left", "right"] = Field("left", description="where")
    is_quick: bool = Field(False, description="in a hurry")


def run(*arguments: str) -> tuple[int, str, dict[str, Any]]:
    seen: dict[str, Any] = {}
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @with_options(settings_options(Settings, panel="Loop"), before="last")
    def command(first: str = "a", last: str = "z", **settings: Any) -> None:
        seen.update(given(settings, "loop"))

    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output, seen


def test_what_is_not_given_is_left_out() -> None:
    assert run()[2] == {}
    assert run("--steps", "5", "--rate", "0.5", "--side", "right", "--is-quick")[2] == {
        "loop.steps": 5,
        "loop.rate": 0.5,
        "loop.side": "right",
        "loop.is_quick": True,
    }


def test_help_shows_the_sentence_the_default_and_the_choices_of_the_settings() -> None:
    code, text, _ = run("--help")
    words = " ".join(text.split())
    assert code == 0
    assert "--steps N How many. [default: 3]" in words
    assert "--side left|right Where. [default: left]" in words
    assert words.index("--first") < words.index("--steps") < words.index("--last")


def test_a_number_that_is_none_is_refused() -> None:
    code, text, seen = run("--steps", "many")
    assert (code, seen) == (2, {})
    assert "--steps" in text


def test_a_problem_names_the_option_that_was_typed_and_no_other() -> None:
    error = ConfigError(["loop.steps: must be at least 1", "loop.rate: must be a number", "model.dim: is odd"])
    assert naming_flags(error, "loop", {"steps": 0, "rate": None}).problems == (
        "--steps: must be at least 1",
        "loop.rate: must be a number",
        "model.dim: is odd",
    )


@pytest.mark.parametrize(("name", "option"), [("steps", "--steps"), ("is_quick", "--is-quick")])
def test_flag(name: str, option: str) -> None:
    assert flag(name) == option
