"""That the suite really checks shapes: a wrong one must not pass in silence."""

import pytest
import torch
from jaxtyping import TypeCheckError

from fearec_cli.api import LossInputs
from fearec_cli.data.batches import gather_histories
from fearec_plugins.losses.contrast import info_nce
from support import tiny


def test_two_views_of_different_sizes_are_refused():
    with pytest.raises(TypeCheckError):
        info_nce(torch.zeros(2, 3), torch.zeros(2, 4), 1.0, "dot")


def test_a_filter_refuses_lengths_of_another_batch():
    with pytest.raises(TypeCheckError):
        tiny.part("filter", "none", tiny.layer_shape())(torch.zeros(3, 10, 8), torch.tensor([10, 10]))


def test_an_embedding_refuses_what_is_no_batch():
    with pytest.raises(TypeCheckError):
        tiny.encoder(tiny.config()).embedding(torch.tensor([1, 2, 3]))


def test_floating_ids_are_refused():
    with pytest.raises(TypeCheckError):
        gather_histories(torch.zeros(4), torch.tensor([0]), torch.tensor([2]), 3, "right")


def test_targets_of_another_batch_are_refused():
    with pytest.raises(TypeCheckError):
        LossInputs(torch.zeros(2, 3), torch.tensor([1]), torch.zeros(4, 3))
