"""The terms of the objective against their definitions, written as loops."""

import cmath
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.api import LossInputs
from fearec_plugins.losses.contrast import info_nce
from support import tiny

PAIRS = {
    "un": [("anchor", "dropout")],
    "su": [("anchor", "semantic")],
    "us": [("anchor", "dropout"), ("anchor", "semantic")],
    "us_x": [("dropout", "semantic")],
}


def loss_inputs(batch=4, dim=6, n=5, views=("dropout", "semantic")):
    generator = torch.Generator().manual_seed(3)

    def draw(*shape):
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    names = ("anchor", "dropout", "semantic")
    known = {name: draw(batch, dim) for name in names}
    positions = {name: draw(batch, n, dim) for name in names}
    return LossInputs(
        representation=known["anchor"],
        targets=torch.arange(batch) % 3,
        items=draw(7, dim),
        views={name: known[name] for name in views},
        positions={name: positions[name] for name in ("anchor", *views)},
    )


def known(inputs):
    return {"anchor": inputs.representation, **inputs.views}


def info_nce_by_loops(one, other, temperature, similarity):
    """-log exp(s(i, partner)) / sum over j != i of exp(s(i, j)), averaged over all 2B."""
    both = [*one, *other]

    def score(i, j):
        product = float(both[i] @ both[j])
        if similarity == "cos":
            product /= float(both[i].norm() * both[j].norm())
        return product / temperature

    total = 0.0
    for i in range(len(both)):
        partner = (i + len(one)) % len(both)
        others = sum(math.exp(score(i, j)) for j in range(len(both)) if j != i)
        total -= math.log(math.exp(score(i, partner)) / others)
    return total / len(both)


def spectrum_distance(one, other):
    """mean |orthonormal rfft(one - other)| of two lists of numbers, by the definition of the transform."""
    n = len(one)
    bins = []
    for frequency in range(n // 2 + 1):
        turns = (cmath.exp(-2j * math.pi * frequency * t / n) for t in range(n))
        bins.append(abs(sum((a - b) * turn for a, b, turn in zip(one, other, turns, strict=True))) / math.sqrt(n))
    return sum(bins) / len(bins)


def test_cross_entropy_is_the_mean_surprise_of_the_targets():
    inputs = loss_inputs()
    total = 0.0
    for anchor, target in zip(inputs.representation, inputs.targets.tolist(), strict=True):
        exponentials = [math.exp(float(anchor @ item)) for item in inputs.items]
        total -= math.log(exponentials[target] / sum(exponentials))
    assert tiny.part("loss", "ce")(inputs).item() == pytest.approx(total / 4)


def test_cross_entropy_of_equal_scores_is_the_log_of_the_catalogue():
    inputs = LossInputs(torch.zeros(2, 4), torch.tensor([0, 6]), torch.randn(7, 4))
    assert tiny.part("loss", "ce")(inputs).item() == pytest.approx(math.log(7))


@given(
    st.integers(1, 5),
    st.sampled_from([0.1, 1.0, 3.0]),
    st.sampled_from(["dot", "cos"]),
    st.integers(0, 2**32 - 1),
)
def test_info_nce_is_its_definition(batch, temperature, similarity, seed):
    one, other = torch.randn(2, batch, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    expected = info_nce_by_loops(one, other, temperature, similarity)
    assert info_nce(one, other, temperature, similarity).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_info_nce_of_one_sequence_has_nothing_to_tell_apart():
    one, other = torch.randn(2, 1, 3)
    assert info_nce(one, other, 1.0, "dot").item() == pytest.approx(0)


def test_info_nce_has_a_finite_gradient():
    one, other = torch.randn(2, 4, 3, requires_grad=True)
    one.retain_grad()
    (gradient,) = torch.autograd.grad(info_nce(one, other, 1.0, "dot"), one)
    assert gradient.isfinite().all()
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("pairs", PAIRS)
def test_contrast_compares_the_chosen_views(pairs):
    needed = {name for pair in PAIRS[pairs] for name in pair} - {"anchor"}
    term = tiny.part("loss", "contrast", pairs=pairs, temperature=2.0)
    inputs = loss_inputs(views=sorted(needed))
    views = known(inputs)
    expected = sum(info_nce_by_loops(views[one], views[other], 2.0, "dot") for one, other in PAIRS[pairs])
    assert term.views == needed
    assert term(inputs).item() == pytest.approx(expected)


@pytest.mark.parametrize("pairs", PAIRS)
def test_hidden_spectra_of_the_chosen_views_are_compared(pairs):
    needed = {name for pair in PAIRS[pairs] for name in pair} - {"anchor"}
    term = tiny.part("loss", "spectral", pairs=pairs)
    inputs = loss_inputs(views=sorted(needed))
    views = known(inputs)
    expected = 0.0
    for one, other in PAIRS[pairs]:
        rows = zip(views[one].tolist(), views[other].tolist(), strict=True)
        expected += sum(spectrum_distance(a, b) for a, b in rows) / 4
    assert term.views == needed
    assert term(inputs).item() == pytest.approx(expected)


@pytest.mark.parametrize("pairs", PAIRS)
def test_time_spectra_are_taken_along_positions(pairs):
    needed = {name for pair in PAIRS[pairs] for name in pair} - {"anchor"}
    term = tiny.part("loss", "spectral", pairs=pairs, axis="time")
    inputs = loss_inputs(views=sorted(needed))
    expected = 0.0
    for one, other in PAIRS[pairs]:
        columns = zip(
            inputs.positions[one].transpose(1, 2).flatten(0, 1).tolist(),
            inputs.positions[other].transpose(1, 2).flatten(0, 1).tolist(),
            strict=True,
        )
        expected += sum(spectrum_distance(a, b) for a, b in columns) / (4 * 6)
    assert term.views == needed | {"positions"}
    assert term(inputs).item() == pytest.approx(expected)


@pytest.mark.parametrize("axis", ["hidden", "time"])
def test_equal_views_have_equal_spectra(axis):
    anchor, positions = torch.randn(4, 6), torch.randn(4, 5, 6)
    inputs = LossInputs(
        anchor,
        torch.zeros(4, dtype=torch.int64),
        torch.randn(7, 6),
        views={"dropout": anchor.clone()},
        positions={"anchor": positions, "dropout": positions.clone()},
    )
    assert tiny.part("loss", "spectral", pairs="un", axis=axis)(inputs).item() == 0


@pytest.mark.parametrize("axis", ["hidden", "time"])
def test_equal_views_have_a_finite_gradient(axis):
    """|z| has no derivative at 0: a subgradient is needed there, not NaN."""
    anchor = torch.randn(4, 6, requires_grad=True)
    positions = torch.randn(4, 5, 6, requires_grad=True)
    inputs = LossInputs(
        anchor,
        torch.zeros(4, dtype=torch.int64),
        torch.randn(7, 6),
        views={"dropout": anchor.detach()},
        positions={"anchor": positions, "dropout": positions.detach()},
    )
    tiny.part("loss", "spectral", pairs="un", axis=axis)(inputs).backward()
    gradient = anchor.grad if axis == "hidden" else positions.grad
    assert gradient is not None
    assert gradient.isfinite().all()
