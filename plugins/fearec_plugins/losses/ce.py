"""Cross-entropy over the whole catalogue."""

from jaxtyping import Float
from torch import Tensor

from fearec_cli.api import Component, Field, LossInputs, Options, View
from fearec_plugins.losses._cross_entropy import cross_entropy


class CrossEntropyOptions(Options):
    """Where the target's probability goes."""

    smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target that all items have evenly")
    ahead: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="share of the rest that the item after the target would have alone; the items after it fall off in "
        "the same ratio",
    )
    ahead_items: int = Field(1, ge=1, le=3, description="how many items after the target have a share")
    temperature: float = Field(
        1.0, gt=0, le=100, description="scores are divided by it; with model.scores = cosine 1 is far too much"
    )


class CrossEntropy:
    """-log softmax(scores / temperature)[target], averaged over the batch; scores are h . items and what a model adds.

    `smoothing` and `ahead` soften the target (`fearec_plugins.losses._cross_entropy`).
    """

    views: frozenset[View] = frozenset()
    adds_scores = True

    def __init__(self, options: CrossEntropyOptions) -> None:
        self._options = options

    def __call__(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term's value."""
        options = self._options
        rows, added = inputs.representation, inputs.added
        if options.temperature != 1:  # of whole scores: items are ranked by the same sums
            rows = rows / options.temperature
            added = None if added is None else added._replace(values=added.values / options.temperature)
        return cross_entropy(
            rows,
            inputs.items,
            inputs.targets,
            smoothing=options.smoothing,
            ahead=options.ahead,
            later=None if inputs.later is None else inputs.later[:, : options.ahead_items],
            added=added,
        )


COMPONENT = Component(
    name="ce",
    options=CrossEntropyOptions,
    build=CrossEntropy,
    summary="Softmax cross-entropy over all items.",
    source="FEARec: Du et al., SIGIR 2023 (arXiv 2304.09184), section 4.6, prediction loss",
)
