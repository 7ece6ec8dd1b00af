"""From the interaction table on the device to padded batches.

The whole table is on the device, and a batch is index arithmetic over it: no Python per sample, no
worker processes, nothing that makes the device wait.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Int
from torch import Tensor

from fearec_cli.data.prepared import Prepared
from fearec_cli.nn.positions import Padding, last_positions, valid_positions

# Items after the target that a batch holds.
ITEMS_AHEAD = 3


@dataclass(frozen=True)
class InteractionTable:
    """A prepared data set on a device.

    Attributes:
        items: item ids from 1; one user after another, each oldest first.
        offsets: user u is `items[offsets[u]:offsets[u + 1]]`.
        n_items: I, size of the catalogue.
    """

    items: Int[Tensor, "T"]
    offsets: Int[Tensor, "U1"]
    n_items: int

    @classmethod
    def load(cls, prepared: Prepared, device: torch.device) -> "InteractionTable":
        """Copy a prepared data set's interactions to a device."""
        return cls(
            torch.tensor(prepared.items, dtype=torch.int64, device=device),
            torch.tensor(prepared.offsets, dtype=torch.int64, device=device),
            prepared.n_items,
        )


@dataclass(frozen=True)
class Batch:
    """Training prefixes and what follows them.

    Attributes:
        ids: padded histories; 0 is padding.
        lengths: number of real positions.
        targets: row of the item table, item id - 1, that follows each history, or each of its positions.
        later: rows of the items after the target, the next one first; -1 where the training part ends before them.
    """

    ids: Int[Tensor, "B N"]
    lengths: Int[Tensor, "B"]
    targets: Int[Tensor, "T"]
    later: Int[Tensor, "T A"]


def gather_histories(
    items: Int[Tensor, "T"],
    starts: Int[Tensor, "B"],
    ends: Int[Tensor, "B"],
    max_length: int,
    padding: Padding,
) -> tuple[Int[Tensor, "B N"], Int[Tensor, "B"]]:
    """The last `max_length` items of every `items[start:end]`, padded with 0, and their number.

    Args:
        items: the interaction table.
        starts: first index of each history.
        ends: index after the last of each history.
        max_length: N.
        padding: side of the zeros.
    """
    lengths = (ends - starts).clamp(max=max_length)
    first = ends - 1 - last_positions(lengths, max_length, padding)
    index = first[:, None] + torch.arange(max_length, device=items.device)
    ids = items[index.clamp(0, len(items) - 1)] * valid_positions(lengths, max_length, padding)
    return ids, lengths


class TrainingPrefixes:
    """Every (history, next item) pair of the training part, as batches.

    Args:
        table: the interactions.
        prepared: the data set they come from.
        max_length: N.
        padding: side of the padding.
    """

    def __init__(self, table: InteractionTable, prepared: Prepared, max_length: int, padding: Padding) -> None:
        targets = prepared.split.training_targets()
        self._table = table
        self._starts = self._compact(targets.starts)
        self._targets = self._compact(targets.targets)
        self._max_length = max_length
        self._padding: Padding = padding

    def __len__(self) -> int:
        return len(self._targets)

    def epoch(self, batch_size: int, generator: torch.Generator) -> Iterator[Int[Tensor, "B"]]:
        """Indices of prefixes, all of them once, in random order, a batch at a time.

        Args:
            batch_size: B; the last batch may be smaller.
            generator: state of the shuffle, on the CPU, so that every device draws the same order.
        """
        order = torch.randperm(len(self), generator=generator).to(self._targets.device)
        yield from order.split(batch_size)

    def batch(self, prefixes: Int[Tensor, "B"]) -> Batch:
        """Padded histories and targets of these prefixes."""
        ends = self._targets[prefixes].long()
        ids, lengths = gather_histories(
            self._table.items, self._starts[prefixes].long(), ends, self._max_length, self._padding
        )
        return Batch(ids, lengths, self._table.items[ends] - 1, self._later(prefixes, ends))

    def before(self, targets: Int[Tensor, "B"]) -> Int[Tensor, "B"]:
        """The prefixes whose targets are these interactions."""
        return torch.searchsorted(self._targets, targets.to(self._targets.dtype))

    def some(self, targets: int) -> Int[Tensor, "B"]:
        """The first prefixes, so many."""
        return torch.arange(targets, device=self._targets.device)

    def count(self, chosen: Int[Tensor, "B"]) -> int:
        """How many targets some prefixes have: one each."""
        return len(chosen)

    def _later(self, prefixes: Int[Tensor, "B"], ends: Int[Tensor, "B"]) -> Int[Tensor, "B A"]:
        """Rows of the items after each target: the targets of the user's next prefixes, -1 where there are none."""
        steps = torch.arange(1, ITEMS_AHEAD + 1, device=ends.device)
        following = (prefixes[:, None] + steps).clamp(max=len(self) - 1)
        at = ends[:, None] + steps
        own = (self._targets[following].long() == at) & (self._starts[following] == self._starts[prefixes][:, None])
        return torch.where(own, self._table.items[at.clamp(max=len(self._table.items) - 1)] - 1, -1)

    def semantic_positives(self, prefixes: Int[Tensor, "B"], generator: torch.Generator) -> Int[Tensor, "B"]:
        """For each prefix another one with the same next item, uniformly; itself where it is the only one.

        The semantic view of DuoRec and FEARec (docs/method.md, section 5).

        Args:
            prefixes: indices.
            generator: of the draws, on the CPU or on the device; on the latter nothing waits for a copy.
        """
        alike = self._alike
        item = self._table.items[self._targets[prefixes].long()]
        first, others = alike.firsts[item], alike.sizes[item] - 1
        size, device = len(prefixes), generator.device
        uniform = torch.rand(size, generator=generator, dtype=torch.float64, device=device).to(others.device)
        draw = (uniform * others).long()  # 0 .. others - 1; float64 keeps every group size exact
        # Step over the prefix itself; a group of one has no other and keeps its own place.
        draw += (draw >= alike.places[prefixes] - first) & (others > 0)
        return alike.order[first + draw].long()

    @cached_property
    def _alike(self) -> "_Alike":
        """Prefixes by their target; made when first asked for, as few losses do."""
        item = self._table.items[self._targets.long()]
        # One sort replaces an index of pairs, whose size would grow with the square of an item's popularity.
        order = torch.argsort(item, stable=True)
        sizes = torch.bincount(item, minlength=self._table.n_items + 1)
        places = torch.empty(len(order), dtype=self._targets.dtype, device=order.device)
        places[order] = torch.arange(len(order), dtype=places.dtype, device=order.device)
        return _Alike(order.to(places.dtype), places, sizes.cumsum(0) - sizes, sizes)

    def _compact(self, indices: npt.NDArray[np.int64]) -> Int[Tensor, "T"]:
        """Indices of interactions on the device, in 4 bytes each where that is enough."""
        dtype = np.int32 if len(self._table.items) < 2**31 else np.int64
        return torch.as_tensor(indices.astype(dtype), device=self._table.items.device)


@dataclass(frozen=True)
class _Alike:
    """Prefixes sorted by their target, so that those with the same one are neighbours.

    Attributes:
        order: the prefixes, in the order of their targets.
        places: index of each prefix in `order`.
        firsts: index in `order` of the first prefix of each item.
        sizes: number of prefixes of each item.
    """

    order: Int[Tensor, "P"]
    places: Int[Tensor, "P"]
    firsts: Int[Tensor, "I1"]
    sizes: Int[Tensor, "I1"]
