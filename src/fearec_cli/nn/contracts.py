"""What a component of each kind promises, and what a loss is given. Letters of shapes: `fearec_cli.api`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.nn.inputs import LayerInputs, Projection
from fearec_cli.nn.renamed import RenamedLossInputs
from fearec_cli.nn.repeats import AddedScores

View = Literal["dropout", "semantic", "positions", "branches", "spectrum", "memory", "penalty"]


@runtime_checkable
class Filter(Protocol):
    """A filter along time, built by `build(options, shape: LayerShape)`; usually a `torch.nn.Module`.

    One that is linear and treats all dimensions alike may declare it with an attribute `constant`, its gain of a
    constant
    signal; a layer then filters its input once instead of each projection where that is less work. One may also have a
    method `penalty()`: a number, of its parameters alone, that the loss `filter-penalty` makes small.
    """

    def __call__(self, x: Float[Tensor, "B N D"], lengths: Int[Tensor, "B"]) -> Float[Tensor, "B N D"]:
        """Filter every channel of every sequence along its positions.

        Args:
            x: time-domain signal.
            lengths: real positions of each sequence; the rest of N is padding.
        """

    def response(self, n: int) -> Tensor:
        """Gain at each of the n // 2 + 1 frequencies of a sequence of n positions: [F], or [F, D]."""


@runtime_checkable
class Attention(Protocol):
    """A branch, built by `build(options, shape: LayerShape)`; a `torch.nn.Module`.

    Attributes:
        projections: which of q, k and v it reads. A layer projects, and has parameters for, only what
            one of its branches reads.
    """

    projections: frozenset[Projection]

    def __call__(self, inputs: LayerInputs) -> Float[Tensor, "B M D"]:
        """The branch's context at the requested positions."""


@runtime_checkable
class Fusion(Protocol):
    """Joins the branches, built by `build(options, shape: LayerShape, branches: int)`."""

    def __call__(self, contexts: Sequence[Float[Tensor, "B M D"]], x: Float[Tensor, "B M D"]) -> Float[Tensor, "B M D"]:
        """The layer's output before its feed-forward.

        Combination, output projection, dropout, residual and normalisation are the fusion's own;
        `fearec_cli.api.ResidualOutput` is the usual way.

        Args:
            contexts: one a branch, in the order of `--attention`.
            x: the layer's input at the same positions.
        """


@runtime_checkable
class Loss(Protocol):
    """A term of the objective, built by `build(options)`; it has nothing to learn and nothing to save.

    Attributes:
        views: what it reads besides the representation; the objective makes only what some term reads.
    """

    views: frozenset[View]

    def __call__(self, inputs: "LossInputs") -> Float[Tensor, ""]:
        """The term's value, averaged over the batch."""


@dataclass(frozen=True)
class LossInputs(RenamedLossInputs):
    """What the loss terms are given of one training step.

    Attributes:
        representation: of each sequence.
        targets: row in `items` of each sequence's next item.
        items: the item table, without the padding row.
        views: further representations of the same sequences: `dropout` (a second pass through other
            dropout masks), `semantic` (another history with the same next item). Where every position trains, a term
            that reads any view but `memory` and `penalty` is given only some positions, drawn at each step.
        positions: for terms that read `positions`: every position's output, not only the last, of the sequence itself
            (key `anchor`) and of each view.
        branches: for terms that read `branches`: the context that each branch of the last layer gives. Such a term is
            an error in a model with one branch.
        spectrum: for terms that read `spectrum`: magnitude of the last layer's filtered input at each
            frequency.
        memory: for terms that read `memory`: the representation of the last history of an earlier step that had the
            same target, zeros where there was none. The run keeps it; it carries no gradient.
        penalty: for terms that read `penalty`: sum over the layers of what their filters ask to be small.
        later: rows in `items` of the A items after the target, the next one first; -1 where the training part ends
            before them.
        added: what the model adds to the products of representation and items, where model.repeats is learned; a term
            that takes it in has an attribute `adds_scores` that is True, and another is not used then.
    """

    representation: Float[Tensor, "B D"]
    targets: Int[Tensor, "B"]
    items: Float[Tensor, "I D"]
    views: Mapping[str, Float[Tensor, "B D"]] = field(default_factory=dict)
    positions: Mapping[str, Float[Tensor, "B N D"]] = field(default_factory=dict)
    branches: Sequence[Float[Tensor, "B D"]] = ()
    spectrum: Float[Tensor, "B F D"] | None = None
    later: Int[Tensor, "B A"] | None = None
    added: AddedScores | None = None
    memory: Float[Tensor, "B D"] | None = None
    penalty: Float[Tensor, ""] | None = None
