"""From a configuration to modules."""

import pytest
import torch
from torch import nn

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.errors import ConfigError
from fearec_cli.model.build import INITIAL_STD, _initialise, build_encoder
from fearec_plugins.attentions.autocorr import AutocorrAttention
from fearec_plugins.attentions.dot import DotAttention
from fearec_plugins.attentions.ramp import RampAttention
from fearec_plugins.filters.none import NoFilter
from fearec_plugins.filters.window import WindowFilter
from support import tiny


def build(config, n_items=500):
    return build_encoder(Recipe.of(config, load_components()), n_items)


def test_the_parts_are_those_that_the_configuration_names():
    layers = build(tiny.config("model.layers=3")).layers
    assert len(layers) == 3
    assert all(isinstance(layer.filter, WindowFilter) for layer in layers)
    assert [type(branch) for branch in layers[0].branches] == [RampAttention, AutocorrAttention]


def test_another_configuration_has_other_parts():
    layer = build(tiny.config(preset="sasrec")).layers[0]
    assert isinstance(layer.filter, NoFilter)
    assert [type(branch) for branch in layer.branches] == [DotAttention]


def test_every_layer_knows_its_place():
    first, second = (layer.filter.response(10) for layer in build(tiny.config("window.alpha=0.5")).layers)
    assert first.tolist() == [0, 0, 0, 1, 1, 1]
    assert second.tolist() == [1, 1, 1, 0, 0, 0]


def test_options_reach_their_component():
    layer = build(tiny.config("autocorr.top_k=3.0", "autocorr.delays=batch", "mix.gamma=0.4")).layers[0]
    assert layer.branches[1].kept == 6
    assert layer.branches[1].shared_delays
    assert layer.fusion.gamma == 0.4


def test_dropout_reaches_every_place():
    encoder = build(tiny.config("model.hidden_dropout=0.2", "model.attention_dropout=0.3"))
    found = {name: module.p for name, module in encoder.named_modules() if hasattr(module, "p")}
    assert found.pop("embedding.dropout") == 0.2
    assert {name: p for name, p in found.items() if "attend" in name} == dict.fromkeys(
        [f"layers.{i}.branches.0.attend.dropout" for i in range(2)], 0.3
    )
    assert {p for name, p in found.items() if "attend" not in name} == {0.2}


def test_weights_to_be_loaded_over_are_not_drawn_for_a_catalogue():
    recipe = Recipe.of(tiny.config(), load_components())
    states = []
    for n_items in (10, 500):
        torch.manual_seed(5)
        unset = build_encoder(recipe, n_items, fresh=False)
        states.append(torch.get_rng_state())
    assert states[0].equal(states[1])
    drawn = build(tiny.config())
    assert {name: value.shape for name, value in unset.state_dict().items()} == {
        name: value.shape for name, value in drawn.state_dict().items()
    }
    assert [p.requires_grad for p in unset.parameters()] == [p.requires_grad for p in drawn.parameters()]
    unset.load_state_dict(drawn.state_dict())
    assert unset.item_table().equal(drawn.item_table())


def test_weights_start_small_and_biases_at_zero():
    encoder = build(tiny.config("model.dim=64"))
    linear = encoder.layers[0].project
    assert linear.weight.std().item() == pytest.approx(INITIAL_STD, rel=0.05)
    assert not linear.bias.any()
    assert encoder.item_table().std().item() == pytest.approx(INITIAL_STD, rel=0.05)
    assert encoder.embedding.positions.weight.std().item() == pytest.approx(INITIAL_STD, rel=0.1)
    assert encoder.item_table().shape == (500, 64)
    assert encoder.item_table()[4].equal(encoder.embedding.items.weight[5])
    assert not encoder.embedding.items.weight[0].any()
    assert (encoder.embedding.norm.weight == 1).all()


def test_the_seed_fixes_the_weights():
    def weights(seed):
        torch.manual_seed(seed)
        return torch.cat([parameter.flatten() for parameter in build(tiny.config()).parameters()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


@pytest.mark.parametrize(
    ("assignments", "attention", "message"),
    [
        ((), "ramp+autocorr+dot", "mix joins one or two branches"),
        (("model.layers=30", "window.alpha=0.01"), "ramp", "would keep none"),
    ],
)
def test_what_cannot_be_built_in_its_place_is_refused(assignments, attention, message):
    config = tiny.config(*assignments, attention=attention)
    with pytest.raises(ConfigError, match=message):
        build(config)


def test_what_a_component_set_itself_is_kept():
    class OwnStart(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.fresh = nn.Linear(4, 4), nn.Linear(4, 4)
            nn.init.zeros_(self.gate.weight)
            nn.init.constant_(self.gate.bias, 2)
            self.fresh.weight = nn.Parameter(torch.eye(4))

    module = OwnStart().apply(_initialise)
    assert not module.gate.weight.any()
    assert module.gate.bias.tolist() == [2] * 4
    assert torch.equal(module.fresh.weight, torch.eye(4))
    assert not module.fresh.bias.any()
