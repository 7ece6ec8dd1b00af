"""From a recipe to a model: components become modules, and weights get their start."""

import torch
from torch import nn

from fearec_cli.api import FeedForward, LayerShape
from fearec_cli.config import Recipe
from fearec_cli.kernels import check_mode
from fearec_cli.model.embedding import Embedding
from fearec_cli.model.encoder import Encoder
from fearec_cli.model.layer import Layer
from fearec_cli.model.probe import Probe

# Standard deviation of initial weights, as in BERT and every model of this family.
INITIAL_STD = 0.02

# In-place writes of nn.Linear's own start: weights and biases with another count were set by their component.
_WRITTEN_BY_LINEAR = 1


def build_encoder(recipe: Recipe, n_items: int, *, fresh: bool = True) -> Encoder:
    """Build the model that a recipe describes, with fresh weights from torch's default generator.

    Args:
        recipe: settings and components.
        n_items: size of the catalogue.
        fresh: draw the tables of items and positions; without, the items' holds whatever the memory held, for weights
            that are loaded over it: of a large catalogue, drawing takes longer than reading.

    Raises:
        ConfigError: a component cannot be built with these sizes, or FEAREC_KERNELS is unknown.
        PluginError: a component breaks the contract of its kind there.
    """
    check_mode()
    model = recipe.model
    # torch's skip_init() would do, but its meta device costs more to import than a million vectors to draw.
    items = (
        nn.Embedding(n_items + 1, model.dim, padding_idx=0)
        if fresh
        else nn.Embedding.from_pretrained(torch.empty(n_items + 1, model.dim), freeze=False, padding_idx=0)
    )
    positions = nn.Embedding(model.max_length, model.dim) if model.positions == "absolute" else None
    embedding = Embedding(items, positions, model.hidden_dropout)
    layers = [_build_layer(recipe, layer) for layer in range(model.layers)]
    encoder = Encoder(embedding, layers, model, causal=recipe.causal)
    encoder.apply(_initialise)
    if fresh:
        _draw(embedding)
    return encoder


def _build_layer(recipe: Recipe, layer: int) -> Layer:
    model = recipe.model
    shape = LayerShape(
        layer=layer,
        n_layers=model.layers,
        max_length=model.max_length,
        dim=model.dim,
        heads=model.heads,
        hidden_dropout=model.hidden_dropout,
        attention_dropout=model.attention_dropout,
        positions=model.positions,
        norm=model.norm,
        padding=model.padding,
        spectrum=model.spectrum,
    )
    probe = Probe(shape, model.padding)

    layer_filter = probe.filter(recipe.filter)
    attentions = [probe.attention(branch) for branch in recipe.attentions]
    fusion = probe.fusion(recipe.fusion, attentions)
    feed_forward = FeedForward(model.dim, model.inner, model.hidden_dropout, model.norm)
    return Layer(shape, layer_filter, attentions, fusion, feed_forward)


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    """Draw linear maps from a normal distribution, but for weights and biases that their component set itself."""
    if isinstance(module, nn.Linear):
        if module.weight._version == _WRITTEN_BY_LINEAR:
            module.weight.normal_(0, INITIAL_STD)
        if module.bias is not None and module.bias._version == _WRITTEN_BY_LINEAR:
            module.bias.zero_()


@torch.no_grad()
def _draw(embedding: Embedding) -> None:
    """Draw both tables from a normal distribution and zero the padding row."""
    embedding.items.weight.normal_(0, INITIAL_STD)[0].zero_()
    if embedding.positions is not None:
        embedding.positions.weight.normal_(0, INITIAL_STD)
