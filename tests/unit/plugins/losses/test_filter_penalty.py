"""The term of what filters ask to be small."""

import pytest
import torch

from fearec_cli.errors import ConfigError
from fearec_cli.training.objective import Objective
from support import tiny


def test_the_penalty_of_impulse_responses_is_their_overlap() -> None:
    part = tiny.part("filter", "position-fir", tiny.layer_shape(), bases=3)
    with torch.no_grad():
        part.bases.copy_(torch.eye(3, 10) * torch.tensor([[2.0], [5.0], [0.1]]))
    assert part.penalty().item() == pytest.approx(0)
    with torch.no_grad():
        part.bases[1] = torch.eye(3, 10)[0] + torch.eye(3, 10)[1]  # at 45 degrees to the first
    assert part.penalty().item() == pytest.approx(2 * 0.5)


@pytest.mark.parametrize("targets", ["last", "all"])
def test_it_is_summed_over_the_layers_and_trained(targets: str) -> None:
    recipe = tiny.recipe(
        f"training.targets={targets}", "model.padding=right", preset="tv-rec", loss="ce+0.001*filter-penalty"
    )
    encoder = tiny.encoder(recipe).train()
    samples = tiny.training_samples(recipe, [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]])
    total, values = Objective(recipe)(encoder, samples, samples.some(4), torch.Generator())
    expected = sum(layer.filter.penalty() for layer in encoder.layers)
    torch.testing.assert_close(values[1], expected.detach())
    torch.testing.assert_close(total.detach(), values[0] + 0.001 * values[1])
    before = encoder.penalty().item()
    (0.001 * encoder.penalty()).backward()
    torch.optim.SGD([layer.filter.bases for layer in encoder.layers], lr=1.0).step()
    assert encoder.penalty().item() < before


def test_a_filter_without_one_is_an_error() -> None:
    encoder = tiny.encoder(tiny.recipe(preset="sasrec", loss="ce+0.1*filter-penalty"))
    with pytest.raises(ConfigError, match="the model's filter has no penalty; position-fir has one"):
        encoder.penalty()
