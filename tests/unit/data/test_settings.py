"""Dates of the settings: one moment, one text."""

import pytest
from pydantic import ValidationError

from fearec_cli.data.settings import Settings, microseconds


@pytest.mark.parametrize(
    ("text", "moment", "number"),
    [
        ("1970-01-02", "1970-01-02T00:00:00Z", 86_400_000_000),
        ("1970-01-01 00:01", "1970-01-01T00:01:00Z", 60_000_000),
        (" 1970-01-01T02:00:00.5+02:00", "1970-01-01T00:00:00.500000Z", 500_000),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z", -1_000_000),
    ],
)
def test_a_moment_has_one_form(text: str, moment: str, number: int) -> None:
    settings = Settings(since=text, until=text)
    assert settings.since == settings.until == moment
    assert microseconds(moment) == number
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_what_is_no_moment_is_refused() -> None:
    with pytest.raises(ValidationError, match="'soon' is not an ISO 8601 time; write 2019-01-31"):
        Settings(since="soon")


def test_the_core_of_training_needs_a_training_part_that_stands_before() -> None:
    with pytest.raises(ValidationError, match="--core-on training needs --split global-time"):
        Settings(core_on="training")
    assert Settings(core_on="training", split="global-time").core_on == "training"


def test_users_and_items_may_need_different_numbers() -> None:
    assert Settings(k_core=5).cores == (5, 5)
    assert Settings(k_core=5, item_core=0).cores == (5, 0)
    assert Settings(k_core=0, user_core=3).cores == (3, 0)
