"""What trying a component costs does not grow with the length of the sequences."""

import pytest
import torch
from torch import nn

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.errors import PluginError
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


def tied():
    part = nn.Linear(3, 3, bias=False)
    part.twin = part.weight
    return part


def with_buffer(value):
    part = nn.Module()
    part.register_buffer("table", value)
    return part


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        (tied(), "twin|weight"),
        (with_buffer(torch.eye(3).to_sparse()), "table of layout torch.sparse_coo"),
        (with_buffer(torch.ones(3, dtype=torch.complex64)), "table of type torch.complex64"),
    ],
    ids=["shared", "sparse", "complex"],
)
def test_a_state_that_a_checkpoint_cannot_hold_is_refused(part, problem):
    with pytest.raises(PluginError, match=problem):
        probe._check_storable("the filter 'x'", part)


def test_an_ordinary_state_can_be_held():
    probe._check_storable("the filter 'x'", nn.LSTM(3, 3, 2))
