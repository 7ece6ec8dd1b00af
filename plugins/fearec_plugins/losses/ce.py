"""Cross-entropy over the whole catalogue."""

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, LossInputs, Options, View, hookimpl
from fearec_plugins.losses._cross_entropy import cross_entropy


class CrossEntropyOptions(Options):
    """It has none."""


class CrossEntropy:
    """-log softmax(h . items)[target], averaged over the batch."""

    views: frozenset[View] = frozenset()

    def __init__(self, options: CrossEntropyOptions) -> None:
        pass

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        return cross_entropy(inputs.anchor, inputs.items, inputs.targets)


@hookimpl
def fearec_losses() -> Iterable[Component]:
    """Register `ce`."""
    return [
        Component(
            name="ce",
            options=CrossEntropyOptions,
            build=CrossEntropy,
            summary="Softmax cross-entropy over all items.",
            source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.6, prediction loss",
        )
    ]
