"""Verdicts by hand: within the tolerance, beyond it on either side, not comparable, not run."""

import pytest
from scipy import stats

from fearec_cli.evaluation.intervals import Interval
from fearec_cli.reproducing.claims import read_claims
from fearec_cli.reproducing.verdict import judge, not_comparable, ours

CLAIM = read_claims().get("bsarec-beauty")  # .0610, tolerance .0015


@pytest.mark.parametrize(
    ("values", "verdict", "why"),
    [
        ([], "not run", ""),
        ([0.0605], "reproduced", "-0.0005, within the tolerance of 0.0015"),
        ([0.0600, 0.0612], "reproduced", "-0.0004, within"),
        ([0.0580, 0.0584], "below", "by 0.0028, more than the tolerance of 0.0015; published is outside our interval"),
        ([0.0500, 0.0660], "below", "by 0.0030, more than the tolerance of 0.0015; published is inside our interval"),
        ([0.0650], "above", "by 0.0040, more than"),
    ],
)
def test_a_verdict(values, verdict, why):
    found = judge(CLAIM, ours(values))
    assert found[0] == verdict
    assert why in found[1]


def test_our_number_has_the_interval_of_what_it_rests_on():
    one = ours([0.06], Interval(0.055, 0.065))
    assert str(one) == "0.0600 [0.0550, 0.0650], one seed, interval over users"
    several = ours([0.060, 0.062, 0.061], Interval(0, 1))
    assert several.interval == pytest.approx(stats.t.interval(0.95, 2, loc=0.061, scale=0.001 / 3**0.5))
    assert str(several).endswith("3 seeds, interval over them")


def test_another_sample_rule_does_not_compare():
    assert not_comparable(CLAIM, "prefixes") == ""
    assert not_comparable(CLAIM, "all positions") == (
        "published of prefixes as training samples, and trained here on all positions"
    )
    declared = CLAIM.model_copy(update={"why_not": "other data"})
    assert not_comparable(declared, "prefixes") == "other data"
