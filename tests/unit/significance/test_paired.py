"""Paired differences against SciPy, by hand, and on systems that do not differ."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fearec_cli.significance.holm import holm
from fearec_cli.significance.paired import paired_difference, sign_flip
from fearec_cli.significance.power import detectable, seeds_needed


def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def test_the_sign_flip_is_scipys() -> None:
    differences = generator().normal(0.2, 1, 200)
    p = sign_flip(differences, draws=20_000, random=generator())
    flipped = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=20_000, rng=generator()
    )
    assert p == pytest.approx(flipped.pvalue, abs=0.01)
    assert 0.001 < p < 0.05


def test_the_sign_flip_is_the_share_of_all_flips() -> None:
    differences = np.array([0.5, 0.25, -0.125, 1.0, 0.0, 0.75])
    flips = np.array(list(itertools.product([-1, 1], repeat=6)))
    exact = (np.abs(flips @ differences) >= abs(differences.sum())).mean()
    assert sign_flip(differences, draws=100_000, random=generator()) == pytest.approx(exact, abs=0.005)


def test_without_a_difference_p_is_1() -> None:
    assert sign_flip(np.zeros(5), draws=100, random=generator()) == 1.0
    same = np.array([[0.5, 1.0, 0.0]])
    found = paired_difference(same, same, np.array([1, 1, 1]), draws=100)
    assert (found.value, found.low, found.high, found.effect, found.p) == (0, 0, 0, 0, 1)


def test_the_interval_is_scipys() -> None:
    first, second = generator().random((2, 1, 300))
    found = paired_difference(first, second, np.ones(300, dtype=np.int64), draws=20_000)
    differences = (second - first)[0]
    theirs = stats.bootstrap((differences,), np.mean, n_resamples=20_000, method="percentile", rng=generator())
    assert found.value == pytest.approx(differences.mean())
    assert found.low == pytest.approx(theirs.confidence_interval.low, abs=0.003)
    assert found.high == pytest.approx(theirs.confidence_interval.high, abs=0.003)
    assert found.users == pytest.approx(theirs.standard_error, rel=0.03)
    assert found.effect == pytest.approx(differences.mean() / differences.std(ddof=1))


def test_a_user_with_many_targets_counts_by_them() -> None:
    # 1 of 1 and 0 of 3 targets against 0 of 1 and 3 of 3.
    found = paired_difference(np.array([[1.0, 0.0]]), np.array([[0.0, 3.0]]), np.array([1, 3]), draws=2000)
    assert found.value == pytest.approx((0 + 3) / 4 - (1 + 0) / 4)
    # Both users, one of them twice: the ends of what can be drawn.
    assert (found.low, found.high) == pytest.approx((-1, 1))


def test_runs_that_scatter_widen_the_interval() -> None:
    users = generator().random(400) * 0.1
    steady = np.stack([users] * 4)
    scattered = steady + np.array([-0.2, 0.2, -0.2, 0.2])[:, None]
    counts = np.ones(400, dtype=np.int64)
    narrow = paired_difference(steady, steady + 0.01, counts, draws=2000)
    wide = paired_difference(steady, scattered + 0.01, counts, draws=2000)
    assert narrow.value == pytest.approx(wide.value)
    assert narrow.low > 0 > wide.low
    assert narrow.users == pytest.approx(wide.users, abs=1e-9)


def test_what_users_owe_to_the_seeds_is_not_the_users() -> None:
    random = generator()
    mean = random.normal(0, 1, 4000)
    runs = [mean + random.normal(0, 3, (4, 4000)) for _ in range(2)]
    counts = np.ones(4000, dtype=np.int64)
    # Both have the same users: nothing of the difference is theirs, though it scatters by 3 * sqrt(2 / 4 / 4000).
    assert paired_difference(*runs, counts, draws=2000).users < 0.015
    shifted = runs[1] + random.normal(0, 2, 4000)
    assert paired_difference(runs[0], shifted, counts, draws=2000).users == pytest.approx(2 / np.sqrt(4000), rel=0.15)


def test_systems_that_do_not_differ_are_found_different_one_time_in_twenty() -> None:
    random = generator()
    found = [sign_flip(random.normal(0, 1, 50), draws=400, random=random) < 0.05 for _ in range(400)]
    assert 0.02 < np.mean(found) < 0.085


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_stepping_down_rejects(probabilities: list[float]) -> None:
    corrected = holm(probabilities)
    for level in (0.05, 0.3, 0.9):
        rejected = set()
        order = sorted(range(len(probabilities)), key=probabilities.__getitem__)
        for place, index in enumerate(order):
            if probabilities[index] * (len(order) - place) > level:
                break
            rejected.add(index)
        assert {index for index, p in enumerate(corrected) if p <= level} == rejected
    assert all(low <= high for low, high in zip(probabilities, corrected, strict=True))


def test_what_can_be_detected_by_hand() -> None:
    # 3 seeds each of deviation .001: error .000816, t(4) is 2.776 and .941.
    assert detectable(0, 0.001, 0.001, (3, 3)) == pytest.approx((2.776 + 0.941) * 0.000816, rel=1e-3)
    # FEARec's .0600 +- .0005 to .0011 on Beauty: three seeds cannot show 1 %.
    assert detectable(0, 0.0005, 0.0005, (3, 3)) > 0.0006
    needed = seeds_needed(0.0006, 0, 0.0005, 0.0005)
    assert needed is not None
    assert detectable(0, 0.0005, 0.0005, (needed, needed)) <= 0.0006
    assert detectable(0, 0.0005, 0.0005, (needed - 1, needed - 1)) > 0.0006
    assert seeds_needed(0.0006, 0.001, 0.0005, 0.0005) is None  # the users alone scatter more
