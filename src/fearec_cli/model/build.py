"""From names to a model: the one place where components become modules."""

from typing import Any

import torch
from torch import nn

from fearec_cli.api import FeedForward, LayerShape
from fearec_cli.components.expressions import branches
from fearec_cli.components.registry import Registered, Registry
from fearec_cli.components.violations import blamed_on
from fearec_cli.config import RunConfig
from fearec_cli.model.embedding import Embedding
from fearec_cli.model.encoder import Encoder
from fearec_cli.model.layer import Layer
from fearec_cli.model.probe import Probe

# Standard deviation of initial weights, as in BERT and every model of this family.
INITIAL_STD = 0.02


def build_encoder(config: RunConfig, registry: Registry, n_items: int) -> Encoder:
    """Build the model that a configuration describes, with fresh weights from torch's default generator.

    Args:
        config: a validated configuration.
        registry: where its components are found.
        n_items: size of the catalogue.

    Raises:
        ConfigError: a component cannot be built in its place.
        PluginError: a component breaks the contract of its kind there.
    """
    model = config.model
    embedding = Embedding(n_items, model.max_length, model.dim, model.hidden_dropout)
    layers = [_build_layer(config, registry, layer) for layer in range(model.layers)]
    encoder = Encoder(embedding, layers, model.max_length, model.padding, model.pooling)
    encoder.apply(_initialise)
    embedding.reset(INITIAL_STD)
    return encoder


def _build_layer(config: RunConfig, registry: Registry, layer: int) -> Layer:
    model = config.model
    shape = LayerShape(
        layer=layer,
        n_layers=model.layers,
        max_length=model.max_length,
        dim=model.dim,
        heads=model.heads,
        hidden_dropout=model.hidden_dropout,
        attention_dropout=model.attention_dropout,
    )
    probe = Probe(shape, model.padding)

    def build(entry: Registered, *place: Any) -> Any:
        with blamed_on(entry.label):
            return entry.component.build(config.components[entry.name], *place)

    entry = registry.get("filter", config.filter)
    layer_filter = probe.filter(entry, build(entry, shape))
    attentions = [
        probe.attention(entry, build(entry, shape), layer_filter)
        for entry in (registry.get("attention", name) for name in branches(config.attention))
    ]
    entry = registry.get("fusion", config.fusion)
    fusion = probe.fusion(entry, build(entry, shape, len(attentions)), attentions)
    return Layer(shape, layer_filter, attentions, fusion, FeedForward(model.dim, model.inner, model.hidden_dropout))


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    """Draw linear maps from a normal distribution; other modules keep the start they chose."""
    if isinstance(module, nn.Linear):
        module.weight.normal_(0, INITIAL_STD)
        if module.bias is not None:
            module.bias.zero_()
