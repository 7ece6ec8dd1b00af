"""What a run is made of: its settings, and the recipe that resolves them."""

from fearec_cli.config.differences import Difference, differences
from fearec_cli.config.loading import (
    RECOMMENDED_PRESET,
    RUN_TABLE,
    load_recipe,
    load_run,
    preset_names,
    preset_text,
    read_recipe,
)
from fearec_cli.config.recipe import Ingredient, Recipe
from fearec_cli.config.sections import ModelConfig, Precision, RunConfig, TrackerName, TrainingConfig

__all__ = [
    "RECOMMENDED_PRESET",
    "RUN_TABLE",
    "Difference",
    "Ingredient",
    "ModelConfig",
    "Precision",
    "Recipe",
    "RunConfig",
    "TrackerName",
    "TrainingConfig",
    "differences",
    "load_recipe",
    "load_run",
    "preset_names",
    "preset_text",
    "read_recipe",
]
