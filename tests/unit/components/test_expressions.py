"""Expressions of branches and of loss terms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.components.expressions import Term, branches, terms
from fearec_cli.errors import ConfigError

names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
unique_names = st.lists(names, min_size=1, max_size=5, unique=True)
weights = st.floats(min_value=0, exclude_min=True, allow_nan=False, allow_infinity=False)
space = st.sampled_from(["", " ", "  "])


@given(unique_names, space)
def test_branches_are_the_names_between_plus_signs(found, gap):
    assert branches(f"{gap}+{gap}".join(found)) == tuple(found)


def forms(weight):
    """Ways to write a weight: repr has an exponent where it is far from 1, the others have one always."""
    return [repr(weight), f"{weight:.17e}", f"{weight:.17E}"]


@given(st.data(), unique_names, space)
def test_terms_are_read_back_as_they_were_written(data, found, gap):
    expected, written = [], []
    for name in found:
        weight = data.draw(weights)
        form = data.draw(st.sampled_from(forms(weight)))
        written.append(f"{form}{gap}*{gap}{name}")
        expected.append(Term(weight, name))
    assert terms(f"{gap}+{gap}".join(written)) == tuple(expected)


@pytest.mark.parametrize("weight", ["1e+2", "1E+2", "1.e+2", "100", "100.0", "0.1e3"])
def test_a_plus_sign_of_an_exponent_parts_no_terms(weight):
    assert terms(f"ce+{weight}*contrast+spectral") == (
        Term(1.0, "ce"),
        Term(100.0, "contrast"),
        Term(1.0, "spectral"),
    )


@pytest.mark.parametrize("name", ["loss-e", "e", "top1e", "loss-2e"])
def test_a_plus_sign_after_a_name_that_ends_in_e_parts_terms(name):
    assert terms(f"{name}+2*ce") == (Term(1.0, name), Term(2.0, "ce"))


def test_a_term_without_a_weight_counts_once():
    assert terms("ce") == (Term(1.0, "ce"),)


@pytest.mark.parametrize("read", [branches, terms])
@pytest.mark.parametrize("expression", ["", " ", "+", "ce+", "+ce", "ce++contrast", "ce + + contrast"])
def test_a_missing_name_is_refused(read, expression):
    with pytest.raises(ConfigError, match=r"missing|is not NAME"):
        read(expression)


@pytest.mark.parametrize(("read", "expression"), [(branches, "dot+dot"), (terms, "ce+0.1*ce")])
def test_a_repeated_name_is_refused(read, expression):
    with pytest.raises(ConfigError, match="more than once"):
        read(expression)


@pytest.mark.parametrize("weight", ["0", "-1", "-0.0", "nan", "inf", "-inf", "1e999", "ten", "1,5", "1e"])
def test_a_weight_that_is_no_positive_number_is_refused(weight):
    with pytest.raises(ConfigError, match=r"not a positive number|is not NAME"):
        terms(f"ce+{weight}*contrast")


@pytest.mark.parametrize("expression", ["ce*0.1", "0.1*", "*ce", "2*3*ce", "0.1 contrast", "CE", "ce-0.1*contrast*"])
def test_what_is_no_term_is_refused(expression):
    with pytest.raises(ConfigError):
        terms(expression)


def test_no_code_is_evaluated():
    with pytest.raises(ConfigError):
        terms("__import__('math').pi*ce")
    assert math.isclose(terms("3.14*ce")[0].weight, 3.14)
