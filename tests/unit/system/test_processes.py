"""Rows that are shared out and come together again, and gradients that know nothing of it."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.system.processes import ALONE, Processes
from support import sharing, tiny
from support.processes import together

NO_DROPOUT = ("model.hidden_dropout=0", "model.attention_dropout=0")
THREE_VIEWS = "ce+0.1*contrast+0.1*spectral"
EVERY_INPUT = f"{THREE_VIEWS}+0.2*branch-contrast+0.1*sparse-spectrum+0.3*sampled-softmax"


@given(rows=st.integers(0, 50), size=st.integers(1, 9))
def test_every_row_is_one_process_s_and_the_shares_differ_by_one_at_most(rows: int, size: int) -> None:
    shares = [list(range(rows))[Processes(rank, size).own(rows)] for rank in range(size)]
    assert list(itertools.chain(*shares)) == list(range(rows))
    lengths = [len(share) for share in shares]
    assert lengths == Processes(0, size).sizes(rows)
    assert max(lengths) - min(lengths) <= 1


def test_a_process_that_is_alone_has_everything() -> None:
    rows = torch.arange(5)
    assert ALONE.own(5) == slice(0, 5)
    assert ALONE.gather(rows, 5) is rows
    assert ALONE.largest([3, 1]) == [3, 1]
    assert ALONE.collect(rows) == [rows]


@pytest.mark.parametrize("size", [2, 3])
def test_what_processes_exchange(size: int) -> None:
    for found in together(sharing.exchanges, size=size):
        assert found["largest"] == [size - 1, 0, 7]
        assert found["collect"] == [[rank, 10] for rank in range(size)]
        assert found["gather"] == [list(range(rows)) for rows in (0, 1, 2, 5, 8)]


@pytest.mark.slow
def test_shared_gradients_are_those_of_one_process() -> None:
    cases = [
        (tiny.config(*NO_DROPOUT, *options, loss=loss), chosen)
        for loss, options in (
            (THREE_VIEWS, ()),
            (EVERY_INPUT, ("spectral.axis=time", "model.padding=left")),
            ("ce", ("model.pooling=mean",)),
        )
        for chosen in ([0, 5, 9, 14], [3, 8, 11], [7])  # even, uneven, and too few for all
    ]
    expected = [sharing.gradients(*case, ALONE) for case in cases]
    for found in together(sharing.gradients_of, cases):
        for one, other in zip(found, expected, strict=True):
            assert len(one) == len(other)
            for shared, whole in zip(one, other, strict=True):
                np.testing.assert_allclose(shared, whole, rtol=1e-5, atol=1e-6)


def test_shared_ranks_are_those_of_one_process_and_a_refusal_is_everybody_s() -> None:
    expected = sharing.alone()
    for ranks, message in together(sharing.evaluations):
        for one, other in zip(ranks, expected, strict=True):
            assert one.tolist() == other.tolist()
        assert message == ""
