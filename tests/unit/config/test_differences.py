"""What of two configurations is named as different."""

import pytest

from fearec_cli.components.registry import load_components
from fearec_cli.config import RunConfig, differences, load_recipe

REGISTRY = load_components()


def config(*assignments: str, preset: str = "fearec", **flags: str) -> RunConfig:
    return load_recipe(REGISTRY, preset=preset, flags=flags, assignments=assignments).config


def named(here: RunConfig, there: RunConfig) -> list[str]:
    return [str(each) for each in differences(here, there.to_toml())]


def test_the_same_configuration_has_none() -> None:
    for preset in ("fearec", "sasrec", "sasrec-causal"):
        assert named(config(preset=preset), config(preset=preset)) == []
    assert named(config("model.hidden_dropout=0"), config("model.hidden_dropout=0.0")) == []


def test_every_setting_is_named_then_and_now() -> None:
    found = named(config("model.dim=32", "contrast.temperature=0.5"), config("training.seed=7"))
    assert found == [
        "model.dim is 64 there and 32 here",
        "training.seed is 7 there and 42 here",
        "contrast.temperature is 1.0 there and 0.5 here",
    ]


def test_options_follow_from_the_choice_of_components() -> None:
    assert named(config(loss="ce"), config(loss="bce")) == ["loss is bce there and ce here"]
    assert named(config(attention="dot", filter="none"), config(attention="ramp", filter="window")) == [
        "attention is ramp there and dot here",
        "filter is window there and none here",
    ]


def test_a_text_that_is_older_than_a_setting_has_its_default() -> None:
    older = "\n".join(line for line in config().to_toml().splitlines() if not line.startswith(("norm", "track")))
    assert differences(config(), older) == []
    assert list(map(str, differences(config("model.norm=pre"), older))) == ["model.norm is post there and pre here"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("= 1", "Invalid"),
        ("model = 3", "it names no attention"),
        (config().to_toml() + "[stranger]\nx = 1\n", "there is no such setting as stranger"),
        (config().to_toml().replace("dim = 64", "dim = 'a'"), "dim"),
    ],
)
def test_what_is_no_configuration_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        differences(config(), text)
