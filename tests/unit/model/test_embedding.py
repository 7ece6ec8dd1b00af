"""Item and position tables."""

import torch

from fearec_cli.model.embedding import Embedding
from support import tiny


def embedding(dropout=0.0):
    torch.manual_seed(0)
    built = Embedding(20, 10, 8, dropout)
    built.reset(0.5)
    return built


def test_it_is_the_norm_of_item_plus_position():
    ids, _ = tiny.sequences_batch([10, 3], 10, 20, "right")
    built = embedding()
    plain = built.items.weight[ids[1, 4]] + built.positions.weight[4]
    expected = (plain - plain.mean()) / plain.std(unbiased=False)
    torch.testing.assert_close(built(ids)[1, 4], expected)


def test_the_padding_row_is_zero():
    assert not embedding().items.weight[0].any()


def test_the_item_table_leaves_the_padding_row_out():
    built = embedding()
    assert built.item_table().shape == (20, 8)
    assert torch.equal(built.item_table()[4], built.items.weight[5])


def test_the_tables_are_drawn_with_the_wanted_deviation():
    built = Embedding(2000, 50, 64, 0.0)
    built.reset(0.02)
    assert abs(built.items.weight[1:].std().item() - 0.02) < 0.0005
    assert abs(built.positions.weight.std().item() - 0.02) < 0.002


def test_units_are_dropped_in_training_only():
    ids, _ = tiny.sequences_batch([10, 3], 10, 20, "right")
    built = embedding(dropout=0.5)
    assert (built.train()(ids) == 0).any()
    assert not (built.eval()(ids) == 0).any()
