"""Item and position tables."""

import torch
from torch import nn

from fearec_cli.model.embedding import Embedding
from support import tiny


def embedding(dropout=0.0):
    torch.manual_seed(0)
    return Embedding(nn.Embedding(21, 8, padding_idx=0), nn.Embedding(10, 8), dropout)


def test_it_is_the_norm_of_item_plus_position():
    ids, _ = tiny.sequences_batch([10, 3], 10, 20, "right")
    built = embedding()
    plain = built.items.weight[ids[1, 4]] + built.positions.weight[4]
    expected = (plain - plain.mean()) / plain.std(unbiased=False)
    torch.testing.assert_close(built(ids)[1, 4], expected)


def test_units_are_dropped_in_training_only():
    ids, _ = tiny.sequences_batch([10, 3], 10, 20, "right")
    built = embedding(dropout=0.5)
    assert (built.train()(ids) == 0).any()
    assert not (built.eval()(ids) == 0).any()
