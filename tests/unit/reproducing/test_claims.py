"""The claims of the package are whole and comparable where they say so; the page is made from them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from fearec_cli.components.registry import load_components
from fearec_cli.config import load_recipe
from fearec_cli.data.split_rules import LeaveOneOut
from fearec_cli.errors import ConfigError, DataError
from fearec_cli.evaluation.metrics import parse_metric
from fearec_cli.reproducing.claims import Claims, read_claims
from fearec_cli.reproducing.listing import claims_markdown
from fearec_cli.reproducing.trial import samples_of
from fearec_cli.reproducing.verdict import not_comparable

CLAIMS = read_claims()
PAGE = Path(__file__).parents[3] / "docs" / "reproduction.md"


@pytest.mark.parametrize("claim", CLAIMS.claims, ids=lambda claim: claim.name)
def test_a_claim_is_whole(claim):
    recipe = load_recipe(load_components(), preset=claim.preset, assignments=claim.assignments)
    assert bool(not_comparable(claim, samples_of(recipe))) == bool(claim.why_not)
    # A run that a limit of its own settings ends would be taken for one that was cut.
    assert recipe.training.time_limit == 0
    assert parse_metric(claim.metric)[1] in (5, 10, 20)
    if claim.measured:
        assert len(claim.measured.values) == len(claim.measured.seeds)


def test_names_are_unique_and_every_data_set_is_used():
    assert len({claim.name for claim in CLAIMS.claims}) == len(CLAIMS.claims)
    assert {claim.data for claim in CLAIMS.claims} == CLAIMS.data.keys()


def test_the_page_is_made_from_the_claims():
    table = claims_markdown(CLAIMS, load_components())
    assert table in PAGE.read_text("utf-8"), "put what `fearec reproduce --markdown -` prints into docs/reproduction.md"


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="no claim is called 'bsarec-beuty'; did you mean 'bsarec-beauty'"):
        CLAIMS.get("bsarec-beuty")
    with pytest.raises(ConfigError, match="'xyz'; `fearec reproduce` lists them"):
        CLAIMS.get("xyz")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[[claim]]\nname = "a"\n[data]\n', "Field required"),
        ('[data.x]\nwhat = ""\nget = ""\nusers = 1\nitems = 1\ninteractions = 1\nsize = 2\n', "Extra inputs"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(text, problem):
    with pytest.raises((ValidationError, KeyError), match=problem):
        read_claims(text)


def test_a_claim_needs_its_data_described():
    data = CLAIMS.data["demo"].model_dump()
    body = "\n".join(f"{name} = {value!r}" for name, value in data.items())
    claim = CLAIMS.get("demo").model_copy(update={"data": "nowhere"})
    lines = [
        f"{name} = {value!r}" for name, value in claim.model_dump(exclude={"measured", "assignments", "own"}).items()
    ]
    with pytest.raises(ValueError, match="no data set is described for nowhere"):
        read_claims(f"[data.demo]\n{body}\n[[claim]]\n" + "\n".join(lines))


def described(**changes):
    """A stand-in for the manifest of a data set with the counts of the demo."""
    data = CLAIMS.data["demo"]
    counts = SimpleNamespace(users=data.users, items=data.items, interactions=data.interactions)
    return SimpleNamespace(**{"counts": counts, "split": LeaveOneOut(), "fingerprint": data.fingerprint, **changes})


def test_another_data_set_is_refused_by_fingerprint_or_counts():
    demo = CLAIMS.get("demo")
    CLAIMS.check_data(demo, Path("data/demo"), described())
    other = described(fingerprint="f" * 64)
    with pytest.raises(
        DataError, match=r"^data/demo: is not the data of demo: .*fingerprint ffffffffffff, .*39931c9d3166"
    ):
        CLAIMS.check_data(demo, Path("data/demo"), other)
    without = Claims(CLAIMS.claims, {"demo": CLAIMS.data["demo"].model_copy(update={"fingerprint": ""})})
    without.check_data(demo, Path("data/demo"), other)
    few = described(counts=SimpleNamespace(users=599, items=350, interactions=31_876))
    with pytest.raises(DataError, match=r"it has 599 users, .*get it by `fearec prepare demo`"):
        without.check_data(demo, Path("data/demo"), few)
