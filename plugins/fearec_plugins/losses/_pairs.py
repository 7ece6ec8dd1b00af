"""Which two views of a sequence a term compares: the names of DuoRec (Qiu et al., WSDM 2022)."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import LossInputs, View

Pairs = Literal["un", "su", "us", "us_x"]

DESCRIPTION = (
    "views compared: un anchor and dropout view, su anchor and semantic view, us both of these, "
    "us_x dropout and semantic view"
)
# Each pair as names of `LossInputs.views`, the anchor being the sequence's first pass.
_COMPARED: dict[Pairs, tuple[tuple[str, str], ...]] = {
    "un": (("anchor", "dropout"),),
    "su": (("anchor", "semantic"),),
    "us": (("anchor", "dropout"), ("anchor", "semantic")),
    "us_x": (("dropout", "semantic"),),
}
_VIEWS: dict[Pairs, frozenset[View]] = {
    "un": frozenset({"dropout"}),
    "su": frozenset({"semantic"}),
    "us": frozenset({"dropout", "semantic"}),
    "us_x": frozenset({"dropout", "semantic"}),
}


def views_of(pairs: Pairs) -> frozenset[View]:
    """What the objective must make for these pairs."""
    return _VIEWS[pairs]


def names_of(pairs: Pairs) -> tuple[tuple[str, str], ...]:
    """The two names of each pair, `anchor` among them."""
    return _COMPARED[pairs]


def representations(pairs: Pairs, inputs: LossInputs) -> list[tuple[Float[Tensor, "B D"], Float[Tensor, "B D"]]]:
    """The two representations of each pair."""
    known = {"anchor": inputs.representation, **inputs.views}
    return [(known[one], known[other]) for one, other in _COMPARED[pairs]]
