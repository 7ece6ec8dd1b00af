"""The penalty of the layers' filters."""

from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, LossInputs, Options, View


class FilterPenalty:
    """The sum over the layers of what each filter gives by `penalty()`.

    For `position-fir` it is TV-Rec's term |B B^T - 1|^2 (Frobenius norm), B the impulse responses scaled to length 1:
    it keeps them orthogonal.
    """

    views: frozenset[View] = frozenset({"penalty"})

    def __init__(self, options: Options) -> None:
        pass

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        assert inputs.penalty is not None  # it is in `views`
        return inputs.penalty


COMPONENT = Component(
    name="filter-penalty",
    build=FilterPenalty,
    summary="What the layers' filters ask to be small: of position-fir, the overlap of its impulse responses.",
    source="TV-Rec: Shin et al., NeurIPS 2025 (arXiv 2510.25259), orthogonal regularisation, and the authors' code",
)
