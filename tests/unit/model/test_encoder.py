"""The encoder: one representation a sequence, and what else is wanted."""

import pytest
import torch

from support import tiny

ATTENTIONS = ["dot", "ramp", "autocorr", "ramp+autocorr"]


def encode(attention, padding, wanted=(), lengths=(10, 4, 1)):
    encoder = tiny.encoder(tiny.config(f"model.padding={padding}", attention=attention))
    ids, count = tiny.sequences_batch(lengths, 10, 20, padding)
    return encoder, ids, count, encoder(ids, count, wanted)


def last_of(lengths, padding):
    return lengths - 1 if padding == "right" else torch.full_like(lengths, 9)


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_the_representation_is_the_output_at_the_last_real_position(attention, padding):
    *_, lengths, alone = encode(attention, padding)
    *_, everything = encode(attention, padding, {"positions"})
    at_last = everything.positions[torch.arange(3), last_of(lengths, padding)]
    torch.testing.assert_close(alone.representation, at_last)
    torch.testing.assert_close(everything.representation, at_last)


def test_nothing_is_made_that_is_not_wanted():
    *_, encoded = encode("ramp+autocorr", "right")
    assert (encoded.positions, encoded.branches, encoded.spectrum) == (None, (), None)


@pytest.mark.parametrize("padding", ["right", "left"])
def test_branches_are_those_of_the_last_layer_at_the_last_position(padding):
    _, _, lengths, alone = encode("ramp+autocorr", padding, {"branches"})
    encoder, ids, _, everything = encode("ramp+autocorr", padding, {"branches", "positions"})
    assert len(alone.branches) == 2
    for one, other in zip(alone.branches, everything.branches, strict=True):
        torch.testing.assert_close(one, other)
    layer = encoder.layers[-1]
    caught = []
    layer.branches[1].register_forward_hook(lambda module, inputs, output: caught.append(output))
    encoder(ids, lengths, {"positions"})
    torch.testing.assert_close(alone.branches[1], caught[0][torch.arange(3), last_of(lengths, padding)])


def test_the_spectrum_is_empty_where_the_last_layers_window_is_shut():
    encoder, *_, encoded = encode("ramp+autocorr", "right", {"spectrum"})
    kept = encoder.layers[-1].filter.response(10).bool()
    assert encoded.spectrum.shape == (3, 6, 8)
    assert encoded.spectrum[:, ~kept].max() < 1e-5
    assert encoded.spectrum[:, kept].min() > 0


def test_a_longer_history_than_one_item_is_read():
    """The representation depends on an item that is not the last."""
    encoder, ids, lengths, encoded = encode("ramp+autocorr", "right")
    other = ids.clone()
    other[0, 2] = other[0, 2] % 20 + 1
    moved = (encoder.represent(other, lengths) - encoded.representation).abs().amax(1)
    assert moved[0] > 1e-3
    assert moved[1:].max() == 0


@pytest.mark.parametrize("padding", ["right", "left"])
def test_a_causal_stack_does_not_see_the_future(padding):
    encoder = tiny.encoder(tiny.config(f"model.padding={padding}", preset="sasrec"))
    ids, lengths = tiny.sequences_batch([10, 10], 10, 20, padding)
    other = ids.clone()
    other[:, 6:] = other[:, 6:] % 20 + 1
    before, after = (encoder(x, lengths, {"positions"}).positions for x in (ids, other))
    torch.testing.assert_close(before[:, :6], after[:, :6])
    assert (before[:, 6:] - after[:, 6:]).abs().max() > 1e-2


def test_sequences_of_a_batch_do_not_touch_each_other():
    encoder, ids, lengths, encoded = encode("ramp+autocorr", "right")
    alone = torch.cat([encoder.represent(ids[i : i + 1], lengths[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(alone, encoded.representation)


def test_the_padding_row_stays_zero_after_a_step():
    encoder, ids, lengths, _ = encode("ramp+autocorr", "right")
    before = encoder.item_table().detach().clone()
    optimiser = torch.optim.Adam(encoder.parameters(), lr=0.1)
    encoder.train()
    scores = encoder.represent(ids, lengths) @ encoder.item_table().T
    torch.nn.functional.cross_entropy(scores, torch.tensor([1, 2, 3])).backward()
    optimiser.step()
    assert not encoder.embedding.items.weight[0].any()
    assert not torch.equal(before, encoder.item_table())


def test_every_parameter_of_the_released_model_learns():
    encoder, ids, lengths, _ = encode("ramp+autocorr", "right")
    (encoder.represent(ids, lengths) @ encoder.item_table().T).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_weights_can_be_moved_to_another_encoder(attention):
    encoder, ids, lengths, encoded = encode(attention, "right")
    other = tiny.encoder(tiny.config(attention=attention), seed=1)
    assert not torch.equal(other.represent(ids, lengths), encoded.representation)
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other.represent(ids, lengths), encoded.representation)
