"""The views of a step: further encodings of its sequences, all in one encoder batch, and a memory of earlier ones."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import View
from fearec_cli.model.trunk import Encoded
from fearec_cli.nn.repeats import AddedScores
from fearec_cli.system.processes import Processes

# What of a view's inside a term may read, besides its representation.
INSIDE = frozenset[View]({"positions", "branches", "spectrum"})


@runtime_checkable  # annotations are checked at run time in the tests
class TrainedEncoder(Protocol):
    """What is trained: an encoder, or one behind an engine."""

    def __call__(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], requested: Collection[View] = ()) -> Encoded:
        """Encode sequences, as `Encoder.forward`."""

    def item_table(self) -> Float[Tensor, "I D"]:
        """The items' vectors, without the padding row."""

    def added_scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> AddedScores | None:
        """What is added to the scores after each history, as `Encoder.added_scores`."""

    def added_everywhere(self, ids: Int[Tensor, "B N"]) -> AddedScores | None:
        """The same for every real position."""

    def penalty(self) -> Float[Tensor, ""]:
        """What the layers' filters ask to be small, as `Encoder.penalty`."""


class Histories(NamedTuple):
    """The sequences of a view.

    Attributes:
        ids: [B, N] padded.
        lengths: [B] number of real positions.
    """

    ids: Tensor
    lengths: Tensor


class Encodings(NamedTuple):
    """What the encoder gives of some views.

    Attributes:
        representations: [B, D] of each view.
        positions: [B, N, D] of each view, where `positions` was requested.
        branches: [B, D] of each branch, of the first view, where `branches` was requested.
        spectrum: [B, F, D] of the first view, where `spectrum` was requested.
    """

    representations: dict[str, Tensor]
    positions: dict[str, Tensor]
    branches: Sequence[Tensor]
    spectrum: Tensor | None


def encode_views(
    encoder: TrainedEncoder, processes: Processes, histories: Mapping[str, Histories], requested: Collection[View]
) -> Encodings:
    """Encode views of the same sequences, one at least; each process its own rows, and all get the rows of all.

    Args:
        encoder: the model.
        processes: who encodes which rows.
        histories: of each view, all of one shape.
        requested: what is needed besides the representations.
    """
    size = len(next(iter(histories.values())).ids)
    own = processes.own(size)
    rows = own.stop - own.start
    # Where a batch has fewer rows than there are processes, some encode a row that is not used, as all of them have to
    # take part in averaging the gradients.
    encoded_rows = own if rows else slice(0, 1)
    # One pass for all views: large products instead of several small ones.
    encoded = _encode_by_length(
        encoder,
        torch.cat([view.ids[encoded_rows] for view in histories.values()]),
        torch.cat([view.lengths[encoded_rows] for view in histories.values()]),
        requested,
    )

    def by_view(signal: Tensor) -> dict[str, Tensor]:
        """[views x own rows, ...] of every process -> [B, ...] of each view."""
        own_rows = signal.unflatten(0, (-1, max(rows, 1))).transpose(0, 1)[:rows]
        return dict(zip(histories, processes.gather(own_rows, size).unbind(1), strict=True))

    first = slice(0, rows)
    return Encodings(
        by_view(encoded.representation),
        {} if encoded.positions is None else by_view(encoded.positions),
        tuple(processes.gather(branch[first], size) for branch in encoded.branches),
        None if encoded.spectrum is None else processes.gather(encoded.spectrum[first], size),
    )


@torch.no_grad()
def remember(memory: Float[Tensor, "I D"], targets: Int[Tensor, "T"], representations: Float[Tensor, "T D"]) -> None:
    """Keep the representation before each target, of a target that occurs more than once the last.

    Equal targets write equal rows, so that the result does not depend on the order in which a device writes them.

    Args:
        memory: changed in place.
        targets: rows of the memory.
        representations: of the histories before them.
    """
    place = torch.arange(len(targets), device=targets.device)
    last = ((targets[:, None] == targets) * place).amax(1)
    memory[targets] = representations[last].to(memory.dtype)


def _encode_by_length(
    encoder: TrainedEncoder, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], requested: Collection[View]
) -> Encoded:
    """Encode sequences, on a CPU the short ones first: its attention does less work on neighbours that are short."""
    if ids.device.type != "cpu":
        return encoder(ids, lengths, requested)
    order = lengths.argsort()
    encoded, back = encoder(ids[order], lengths[order], requested), order.argsort()
    return Encoded(
        encoded.representation[back],
        None if encoded.positions is None else encoded.positions[back],
        tuple(branch[back] for branch in encoded.branches),
        None if encoded.spectrum is None else encoded.spectrum[back],
    )
