"""Interactions as flat arrays: every user's sequence, one after the other."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl


@dataclass(frozen=True, kw_only=True, eq=False)
class Interactions:
    """What a log becomes when it is filtered, ordered and numbered (`fearec_cli.data.prepare`).

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

        Hashed in this order, each after its name: items, offsets and timestamps as little-endian bytes,
        the raw ids as JSON lists (which no id can forge, whatever characters it has).
        """
        digest = hashlib.sha256()
        arrays: list[tuple[str, str, npt.NDArray[np.int32 | np.int64]]]
        arrays = [("items", "<i4", self.items), ("offsets", "<i8", self.offsets)]
        if self.timestamps is not None:
            arrays.append(("timestamps", "<i8", self.timestamps))
        for name, dtype, array in arrays:
            digest.update(f"{name} {len(array)}\n".encode())
            digest.update(np.ascontiguousarray(array, dtype=dtype).data)
        for name, raw in {"users": self.raw_users, "items": self.raw_items}.items():
            digest.update(f"{name} {len(raw)}\n".encode())
            digest.update(json.dumps(raw.to_list()).encode())
        return digest.hexdigest()
