"""Norm before or after a sub-layer, and scores that are cosines."""

import pytest
import torch
from torch import Tensor, nn

from fearec_cli.api import LossInputs
from fearec_cli.model.layer import Layer
from support import tiny

FUSIONS = {"mix": "dot", "residual": "identity", "gate": "dot+identity", "concat": "dot+identity",
           "norm-mix": "identity+dot"}  # fmt: skip


def torchs_layer(ours: Layer, norm: str) -> nn.TransformerEncoderLayer:
    """torch's own layer with the same weights."""
    layer = nn.TransformerEncoderLayer(
        8, 2, 16, 0.0, "gelu", layer_norm_eps=1e-12, batch_first=True, norm_first=norm == "pre"
    )
    fusion: Tensor = ours.fusion.output  # type: ignore[union-attr]
    ends = (ours.norm, ours.feed_forward.norm) if norm == "pre" else (fusion.norm, ours.feed_forward.output.norm)
    pairs = [
        (layer.self_attn.out_proj, fusion.dense), (layer.linear1, ours.feed_forward.expand),
        (layer.linear2, ours.feed_forward.output.dense), (layer.norm1, ends[0]), (layer.norm2, ends[1]),
    ]  # fmt: skip
    for theirs, own in pairs:
        theirs.load_state_dict(own.state_dict())
    with torch.no_grad():
        layer.self_attn.in_proj_weight.copy_(ours.project.weight)
        layer.self_attn.in_proj_bias.copy_(ours.project.bias)
    return layer.eval()


@pytest.mark.parametrize("norm", ["post", "pre"])
def test_a_model_of_dot_products_is_torchs_transformer(norm: str) -> None:
    encoder = tiny.encoder(tiny.config(f"model.norm={norm}", preset="sasrec"))
    for name, parameter in encoder.named_parameters():
        if "norm" in name:
            nn.init.normal_(parameter, 1.0, 0.3)
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    x = encoder.embedding(ids)
    for layer in encoder.layers:
        x = torchs_layer(layer, norm)(x, torch.ones(10, 10, dtype=torch.bool).triu(1))
    expected = x if norm == "post" else nn.functional.layer_norm(x, (8,), encoder.norm.weight, encoder.norm.bias, 1e-12)
    for requested in ((), ("positions",)):
        encoded = encoder(ids, lengths, requested)
        torch.testing.assert_close(encoded.representation, expected[torch.arange(3), lengths - 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", FUSIONS)
def test_every_fusion_leaves_the_norm_to_the_layer(fusion: str) -> None:
    """Where all that is added is zero, a layer gives its input as it is."""
    recipe = tiny.recipe("model.norm=pre", preset="sasrec", attention=FUSIONS[fusion], fusion=fusion)
    encoder = tiny.encoder(recipe)
    layer = encoder.layers[0]
    branches = list(layer.branches)
    for branch in branches:
        branch.register_forward_hook(lambda module, inputs, context: torch.zeros_like(context))
    for name, parameter in layer.named_parameters():
        if "bias" in name or "dense" in name:
            nn.init.zeros_(parameter)
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    x = encoder.embedding(ids)
    torch.testing.assert_close(layer(x, ids > 0, lengths, lengths - 1, False).x, x)


@pytest.mark.parametrize("repeats", ["none", "learned"])
def test_cosines_are_what_is_trained_and_what_is_ranked(repeats: str) -> None:
    settings = ("model.scores=cosine", f"model.repeats={repeats}")
    encoder, plain = (
        tiny.encoder(tiny.config(*settings[first:], preset="sasrec")) for first in (0, 1)
    )  # fmt: skip
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    h, items = plain.represent(ids, lengths), plain.item_table()
    expected = nn.functional.cosine_similarity(h[:, None], items, dim=2)
    if repeats == "learned":
        with torch.no_grad():
            assert encoder.repeats is not None
            encoder.repeats.bias.normal_()
        added = encoder.added_scores(ids, lengths)
        expected = expected.index_put((added.rows, added.items), added.values, accumulate=True)
    torch.testing.assert_close(encoder.scores(ids, lengths), expected)

    targets = torch.tensor([4, 19, 7])
    given = LossInputs(
        encoder.represent(ids, lengths), targets, encoder.item_table(), added=encoder.added_scores(ids, lengths)
    )
    loss = tiny.part("loss", "ce", temperature=0.07)(given)
    torch.testing.assert_close(loss, nn.functional.cross_entropy(expected / 0.07, targets))
