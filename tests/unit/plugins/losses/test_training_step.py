"""Every term through the objective: one step trains, and the views that it reads are the anchor's."""

import pytest
import torch
from torch import Tensor

from fearec_cli.api import LossInputs
from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.training.objective import Objective, WeightedLoss
from support import tiny

# Several users have the same items, so that there are other histories with the same next item.
DATA = [[user, user + 6, 1, 2, 3, 4, 5] for user in range(1, 7)]
LOSSES = ["bce", "bpr", "gbce", "sampled-softmax", "branch-contrast", "sparse-spectrum", "smooth-spectrum"]
ALL = "ce+0.1*contrast+0.1*spectral+" + "+".join(f"0.01*{name}" for name in LOSSES)
NO_DROPOUT = ("model.hidden_dropout=0", "model.attention_dropout=0")


def step(config):
    """Encoder, objective, and what one call gives: the objective and each term's value."""
    encoder = tiny.encoder(config).train()
    objective = Objective(Recipe.of(config, load_components()))
    prefixes = tiny.training_prefixes(DATA, 10)
    torch.manual_seed(0)
    total, values = objective(encoder, prefixes, torch.tensor([0, 5, 9, 14]), torch.Generator().manual_seed(0))
    return encoder, objective, total, values


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("loss", [*LOSSES, ALL])
def test_one_step_has_finite_gradients_and_moves_the_weights(loss, padding):
    encoder, _, total, _ = step(tiny.config(f"model.padding={padding}", loss=loss))
    before = {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}
    total.backward()
    assert total.isfinite()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    torch.optim.Adam(encoder.parameters(), lr=1e-3).step()
    moved = [name for name, parameter in encoder.named_parameters() if not torch.equal(parameter, before[name])]
    assert moved


def test_a_weighted_sum_is_the_sum_of_its_terms():
    _, objective, total, values = step(tiny.config(loss=ALL))
    weights = torch.tensor([term.weight for term in objective.terms])
    assert len(values) == 10
    torch.testing.assert_close(total.detach(), values @ weights)


class Recorder:
    """A term that keeps what it was given."""

    def __init__(self, views):
        self.views = frozenset(views)

    def __call__(self, inputs: LossInputs) -> Tensor:
        self.inputs = inputs
        return inputs.representation.sum()


def recorded(views, config):
    """What a term that reads these views is given, with the encoder and the batch."""
    encoder = tiny.encoder(config)
    objective = Objective(Recipe.of(config, load_components()))
    recorder = Recorder(views)
    objective.terms = (WeightedLoss("recorder", 1.0, recorder),)
    objective.views = recorder.views
    prefixes = tiny.training_prefixes(DATA, 10, config.model.padding)
    chosen = torch.tensor([0, 5, 9, 14])
    objective(encoder, prefixes, chosen, torch.Generator().manual_seed(0))
    return recorder.inputs, encoder, prefixes.batch(chosen)


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("further", [(), ("dropout",), ("dropout", "semantic"), ("dropout", "semantic", "positions")])
def test_branches_and_spectrum_are_the_anchors_whatever_else_is_read(further, padding):
    config = tiny.config(f"model.padding={padding}", *NO_DROPOUT, loss="ce")
    inputs, encoder, batch = recorded(("branches", "spectrum", *further), config)
    alone = encoder(batch.ids, batch.lengths, {"branches", "spectrum"})
    assert inputs.spectrum is not None
    assert inputs.spectrum.shape == (4, 6, 8)
    assert [branch.shape for branch in inputs.branches] == [(4, 8), (4, 8)]
    torch.testing.assert_close(inputs.representation, alone.representation)
    torch.testing.assert_close(inputs.spectrum, alone.spectrum)
    for branch, expected in zip(inputs.branches, alone.branches, strict=True):
        torch.testing.assert_close(branch, expected)


def test_the_branches_given_are_those_that_the_last_layer_fuses():
    config = tiny.config(*NO_DROPOUT, loss="ce")
    fused = []
    encoder = tiny.encoder(config)
    encoder.layers[-1].fusion.register_forward_pre_hook(lambda module, inputs: fused.append(inputs[0]))
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    encoded = encoder(ids, lengths, {"branches"})
    for branch, context in zip(encoded.branches, fused[0], strict=True):
        assert torch.equal(branch, context[:, 0])


def test_the_spectrum_given_holds_the_last_layers_bins_alone():
    """The window of the last of two layers keeps the lower bins and leaves nothing above them."""
    config = tiny.config(*NO_DROPOUT, loss="ce")
    encoder = tiny.encoder(config)
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    seen = []
    encoder.layers[-1].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    spectrum = encoder(ids, lengths, {"spectrum"}).spectrum
    whole = torch.fft.rfft(seen[0], dim=1, norm="ortho").abs()
    response = encoder.layers[-1].filter.response(10)
    assert 0 < response.sum() < len(response)
    torch.testing.assert_close(spectrum, whole * response[:, None], atol=1e-4, rtol=1e-4)
