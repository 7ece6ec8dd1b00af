"""Interactions as columns of small numbers, worked on in blocks so that no temporary is as long as the log.

Everything here is exact and independent of threads: the order of rows is the source's until they are sorted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

# Rows worked on together: what a step needs beside the columns is some tens of bytes for each of them.
_BLOCK = 2**22
# What a sort by 16 bits can tell apart. NumPy sorts those by radix, in time linear in the rows.
_USERS = 2**16

Mask = npt.NDArray[np.bool_]


@dataclass(eq=False)
class Rows:
    """Interactions in the order of the source.

    Attributes:
        users: int32 [T], codes that index `user_names`.
        items: int32 [T], codes that index `item_names`.
        times: int64 [T], microseconds since 1970 UTC, or None without times.
        user_names: String [codes], the source's user ids; a code need not occur.
        item_names: String [codes], the source's item ids.
        orders: int64 [T], numbers that order a user's rows at equal times, or None.
    """

    users: npt.NDArray[np.int32]
    items: npt.NDArray[np.int32]
    times: npt.NDArray[np.int64] | None
    user_names: pl.Series
    item_names: pl.Series
    orders: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.users)

    def keep(self, mask: Mask) -> None:
        """Drop the rows where `mask`, bool [T], is False. In place: nothing is held twice."""
        self.users = _compact(self.users, mask)
        self.items = _compact(self.items, mask)
        if self.times is not None:
            self.times = _compact(self.times, mask)
        if self.orders is not None:
            self.orders = _compact(self.orders, mask)

    def reverse(self) -> None:
        """Reverse the rows, for a source that is newest first."""
        self.users, self.items = self.users[::-1].copy(), self.items[::-1].copy()
        self.times = None if self.times is None else self.times[::-1].copy()
        self.orders = None if self.orders is None else self.orders[::-1].copy()

    def user_counts(self, among: Mask | None = None) -> npt.NDArray[np.int64]:
        """Interactions of each user code, among all rows or those of a mask, bool [T]."""
        return _counts(self.users, len(self.user_names), among)

    def item_counts(self, among: Mask | None = None) -> npt.NDArray[np.int64]:
        """Interactions of each item code, among all rows or those of a mask, bool [T]."""
        return _counts(self.items, len(self.item_names), among)

    def of(self, users: Mask, items: Mask | None = None) -> Mask:
        """Bool [T]: the rows of these users and items, bool [codes] each."""
        mask = np.empty(len(self), dtype=np.bool_)
        for block in blocks(len(self)):
            mask[block] = users[self.users[block]]
            if items is not None:
                mask[block] &= items[self.items[block]]
        return mask

    def before(self, moment: int) -> Mask:
        """Bool [T]: the rows before a moment in microseconds; needs times."""
        assert self.times is not None
        return self.times < moment

    def sorted_blocks(self) -> Iterator[npt.NDArray[np.int64]]:
        """Indices of rows, sorted by user, time, order, then place in the source; all rows of a user in one block."""
        ends = np.cumsum(self.user_counts())
        first = 0
        while first < len(ends):
            before = ends[first - 1] if first else 0
            last = int(np.searchsorted(ends, before + _BLOCK, side="right"))
            last = min(max(last, first + 1), first + _USERS)
            yield self._sorted(first, last)
            first = last

    def _sorted(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """The rows of the users `first` to `last`, the latter left out."""
        found = [
            start + np.flatnonzero((self.users[start:end] >= first) & (self.users[start:end] < last))
            for start, end in _spans(len(self))
        ]
        rows = np.concatenate(found) if found else np.empty(0, dtype=np.int64)
        # Stable sorts: what a later one finds equal stays as the one before left it.
        if self.orders is not None:
            rows = rows[np.argsort(self.orders[rows], kind="stable")]
        if self.times is not None:
            rows = rows[np.argsort(self.times[rows], kind="stable")]
        return rows[np.argsort((self.users[rows] - first).astype(np.uint16), kind="stable")]


def blocks(length: int) -> Iterator[slice]:
    """Consecutive slices that cover `length` rows."""
    return (slice(start, end) for start, end in _spans(length))


def renumber(codes: npt.NDArray[np.int32], n_codes: int) -> npt.NDArray[np.int32]:
    """Replace codes, in place, by numbers from 0 in the order of their first appearance.

    Args:
        codes: int32 [T].
        n_codes: all are below it.

    Returns:
        The codes that appear, in that order.
    """
    first = np.full(n_codes, len(codes), dtype=np.int64)
    # Of an index that is assigned to twice, NumPy keeps the last: walked backwards, the first appearance.
    for start, end in reversed(list(_spans(len(codes)))):
        first[codes[start:end][::-1]] = np.arange(end - 1, start - 1, -1)
    order = np.argsort(first, kind="stable")[: np.count_nonzero(first < len(codes))].astype(np.int32)
    number = np.zeros(n_codes, dtype=np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    for block in blocks(len(codes)):
        codes[block] = number[codes[block]]
    return order


def _spans(length: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + _BLOCK, length)) for start in range(0, length, _BLOCK))


def _compact(column: npt.NDArray[Any], mask: Mask) -> npt.NDArray[Any]:
    end = 0
    for block in blocks(len(column)):
        kept = column[block][mask[block]]
        column[end : end + len(kept)] = kept
        end += len(kept)
    # Memory that is no longer needed goes back only with a copy; it is worth one when much is dropped.
    return column[:end].copy() if end < len(column) // 2 else column[:end]


def _counts(codes: npt.NDArray[np.int32], n_codes: int, among: Mask | None) -> npt.NDArray[np.int64]:
    counts = np.zeros(n_codes, dtype=np.int64)
    # bincount makes 8 bytes of each code first.
    for block in blocks(len(codes)):
        counted = codes[block] if among is None else codes[block][among[block]]
        counts += np.bincount(counted, minlength=n_codes)
    return counts
