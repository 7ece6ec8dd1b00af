"""Student's t against SciPy, and what has no interval."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fearec_cli.errors import EvaluationError
from fearec_cli.significance.student import distribution, quantile, spread


@given(st.floats(-40, 40), st.integers(1, 200))
def test_the_distribution_is_scipys(t: float, freedom: int) -> None:
    # SciPy itself is 1.4e-11 off at t = 1e-6 with one degree, where the share is 1/2 + arctan(t) / pi.
    assert distribution(t, freedom) == pytest.approx(stats.t.cdf(t, freedom), abs=1e-9)


@given(st.floats(0.001, 0.999), st.integers(1, 60))
def test_the_quantile_is_scipys(probability: float, freedom: int) -> None:
    assert quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12))
def test_the_interval_is_scipys(values: list[float]) -> None:
    found = spread(values)
    assert found.runs == len(values)
    if found.deviation < 1e-9:  # SciPy's interval of a constant is NaN
        assert found.low == pytest.approx(found.high, abs=1e-6)
        return
    low, high = stats.t.interval(0.95, len(values) - 1, loc=found.mean, scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_by_hand() -> None:
    # t(2) at .975 is 4.3027; deviation 1; 4.3027 / sqrt(3) = 2.4841.
    found = spread([1.0, 2.0, 3.0])
    assert (found.mean, found.deviation) == (2.0, 1.0)
    assert found.high == pytest.approx(2 + 2.4841, abs=1e-4)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, math.nan], [0.5, math.inf]])
def test_what_has_no_interval(values: list[float]) -> None:
    with pytest.raises(EvaluationError, match=r"two runs or more|not a finite number"):
        spread(values)
