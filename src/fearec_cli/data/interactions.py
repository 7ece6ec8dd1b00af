"""Interactions as flat arrays: every user's sequence, one after the other."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

# Values or ids that are hashed together.
_BLOCK = 2**20


@dataclass(frozen=True, kw_only=True, eq=False)
class Interactions:
    """What a log becomes when it is filtered, ordered and numbered (`fearec_cli.data.preparing.steps`).

    The sequence of user u (from 0) is `items[offsets[u]:offsets[u + 1]]`, oldest first.

    Attributes:
        items: int32 [T], item ids from 1; 0 is left to padding.
        offsets: int64 [U + 1], rising from 0 to T.
        timestamps: int64 [T], microseconds since 1970 UTC, or None where the source has no times.
        raw_users: String [U], the source's user ids; user id u + 1 is `raw_users[u]`.
        raw_items: String [I], the source's item ids; item id i + 1 is `raw_items[i]`.
    """

    items: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    timestamps: npt.NDArray[np.int64] | None
    raw_users: pl.Series
    raw_items: pl.Series

    def fingerprint(self) -> str:
        """SHA-256 of the content, hexadecimal: equal content gives equal digits on any machine.

        Each part is hashed by itself, the arrays as little-endian bytes, the raw ids as the number of bytes of
        each (uint32), then their UTF-8 text without anything between. What is hashed in the end is a line for
        each part: its name, its length and its digest.
        """
        parts: list[tuple[str, int, Callable[[], Iterator[Any]]]] = [
            ("items", len(self.items), lambda: _values(self.items, "<i4")),
            ("offsets", len(self.offsets), lambda: _values(self.offsets, "<i8")),
            ("raw_users", len(self.raw_users), lambda: _texts(self.raw_users)),
            ("raw_items", len(self.raw_items), lambda: _texts(self.raw_items)),
        ]
        if (times := self.timestamps) is not None:
            parts.append(("timestamps", len(times), lambda: _values(times, "<i8")))
        # hashlib lets go of the interpreter while it works.
        with ThreadPoolExecutor() as pool:
            digests = pool.map(_digest, [content for _, _, content in parts])
            lines = [f"{name} {length} {digest}\n" for (name, length, _), digest in zip(parts, digests, strict=True)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def _digest(content: Callable[[], Iterator[Any]]) -> str:
    digest = hashlib.sha256()
    for block in content():
        digest.update(block)
    return digest.hexdigest()


def _values(array: npt.NDArray[Any], dtype: str) -> Iterator[Any]:
    for start in range(0, len(array), _BLOCK):
        yield np.ascontiguousarray(array[start : start + _BLOCK], dtype=dtype).data


def _texts(raw: pl.Series) -> Iterator[Any]:
    yield from _values(raw.str.len_bytes().to_numpy(), "<u4")
    for start in range(0, len(raw), _BLOCK):
        yield raw.slice(start, _BLOCK).str.join("").item().encode()
