"""Generators of a run are independent: of one another, of other seeds, of other epochs."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.system.seeds import derived_seed

SEEDS = st.integers(0, 2**63 - 1)


def first_draws(seed: int) -> list[int]:
    return torch.randint(2**60, (4,), generator=torch.Generator().manual_seed(seed)).tolist()


@given(SEEDS, st.integers(0, 1000))
def test_a_seed_is_one_that_torch_takes(seed, index):
    assert 0 <= derived_seed(seed, "order", index) < 2**63


def test_the_next_seed_does_not_repeat_the_orders_of_this_one():
    orders = {derived_seed(seed, "order", epoch) for seed in range(40, 60) for epoch in range(50)}
    assert len(orders) == 20 * 50


def test_purposes_of_one_seed_differ():
    assert derived_seed(42, "draws") != derived_seed(42, "weights and dropout") != derived_seed(42, "order")


def test_seeds_that_differ_above_32_bits_differ_on_the_cpu():
    one, other = (derived_seed(seed, "weights and dropout") for seed in (1, 1 + 2**32))
    assert first_draws(one) != first_draws(other)
    assert first_draws(1) == first_draws(1 + 2**32)  # which is why seeds are hashed
