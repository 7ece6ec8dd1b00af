"""What trying a component costs does not grow with the length of the sequences."""

import torch
from torch import nn

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.model import probe
from fearec_cli.model.build import build_encoder
from fearec_plugins.filters.window import WindowFilter
from support import tiny


def lengths_tried(monkeypatch, *assignments):
    """How many positions the filter is given while a model is built."""
    met = []
    forward = WindowFilter.forward

    def watched(self, x, lengths):
        met.append(x.shape[1])
        return forward(self, x, lengths)

    monkeypatch.setattr(WindowFilter, "forward", watched)
    build_encoder(Recipe.of(tiny.config(*assignments), load_components()), 20)
    return met


def test_long_sequences_are_tried_on_few_positions(monkeypatch):
    assert set(lengths_tried(monkeypatch, "model.max_length=500")) == {64}


def test_short_sequences_are_tried_as_they_are(monkeypatch):
    assert set(lengths_tried(monkeypatch, "model.max_length=20")) == {20}


def test_trying_a_twin_leaves_the_weights_that_a_seed_gives():
    """The twin of a component draws weights of its own, aside from the run's generator."""

    def weights(most):
        with torch.random.fork_rng():
            torch.manual_seed(3)
            probe._POSITIONS, before = most, probe._POSITIONS
            try:
                settings = tiny.config("model.max_length=20", preset="bsarec")
                encoder = build_encoder(Recipe.of(settings, load_components()), 20)
            finally:
                probe._POSITIONS = before
            return nn.utils.parameters_to_vector(encoder.parameters())

    assert weights(8).equal(weights(64))
