"""What of a sequence's output represents it."""

import pytest
import torch

from support import tiny

LENGTHS = (10, 4, 1)


def encode(pooling, padding="right", wanted=(), preset="fearec"):
    encoder = tiny.encoder(tiny.config(f"model.padding={padding}", f"model.pooling={pooling}", preset=preset))
    ids, lengths = tiny.sequences_batch(LENGTHS, 10, 20, padding)
    return encoder(ids, lengths, wanted), ids > 0


@pytest.mark.parametrize("padding", ["right", "left"])
@pytest.mark.parametrize("preset", ["fearec", "sasrec", "bsarec"])
def test_the_mean_is_over_real_positions_alone(padding, preset):
    encoded, _ = encode("mean", padding, preset=preset)
    everything, valid = encode("last", padding, {"positions"}, preset)
    for row, (output, real) in enumerate(zip(everything.positions, valid, strict=True)):
        torch.testing.assert_close(encoded.representation[row], output[real].mean(0))


def test_of_a_single_item_the_mean_is_the_last():
    mean, last = encode("mean")[0], encode("last")[0]
    torch.testing.assert_close(mean.representation[2], last.representation[2])
    assert (mean.representation[:2] - last.representation[:2]).abs().max() > 1e-3


def test_branches_are_pooled_as_the_representation():
    mean, last = encode("mean", wanted={"branches"})[0], encode("last", wanted={"branches"})[0]
    for one, other in zip(mean.branches, last.branches, strict=True):
        assert one.shape == (3, 8)
        torch.testing.assert_close(one[2], other[2])
        assert (one[0] - other[0]).abs().max() > 1e-3


def test_the_last_position_is_the_default():
    assert tiny.config().model.pooling == "last"


def test_the_mean_learns_from_every_item():
    encoder = tiny.encoder(tiny.config("model.pooling=mean", preset="sasrec"))
    ids, lengths = tiny.sequences_batch(LENGTHS, 10, 20, "right")
    encoder.represent(ids, lengths).square().sum().backward()
    read = encoder.embedding.items.weight.grad.abs().amax(1) > 0
    assert sorted(set(ids[ids > 0].tolist())) == read.nonzero().flatten().tolist()
