"""Which preset a configuration comes from."""

import pytest

from fearec_cli.components.registry import load_components
from fearec_cli.config import load_recipe
from fearec_cli.config.closest import closest_preset
from fearec_cli.config.loading import preset_names


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_its_own(name: str) -> None:
    registry = load_components()
    assert closest_preset(registry, load_recipe(registry, preset=name).config) == name


def test_what_was_changed_is_named_but_not_how_long_or_where_it_ran() -> None:
    registry = load_components()
    changes = ["model.dim=8", "training.seed=3", "training.device=cpu", "training.max_steps=5", "ce.smoothing=0.1"]
    recipe = load_recipe(registry, preset="sasrec", assignments=changes)
    assert closest_preset(registry, recipe.config) == "sasrec, model.dim=8, ce.smoothing=0.1"
