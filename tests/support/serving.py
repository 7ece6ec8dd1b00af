"""A small recommender that nobody trained."""

from pathlib import Path

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.runs.checkpoint import Checkpoint, describe
from fearec_cli.serving.recommender import Recommender
from support import tiny

N_ITEMS = 12
IDS = [f"i{row}" for row in range(N_ITEMS)]


def recommender(*assignments: str, preset: str = "fearec") -> Recommender:
    """Of a catalogue of `IDS`, with random weights."""
    settings = tiny.config(*assignments, preset=preset)
    recipe = Recipe.of(settings, load_components())
    info = describe(recipe, dataset="tiny", fingerprint="", split=tiny.LEAVE_ONE_OUT, step=1, metrics={})
    return Recommender(Checkpoint(Path("tiny"), info, recipe, tiny.encoder(settings, N_ITEMS), IDS))
