"""A prepared data set on disk: the only reader and writer of the format.

A directory of four files. `dataset.json` records where the data came from and every choice made on the way
(`fearec_cli.data.manifest`). `interactions.safetensors` holds `items` (int32 [T]), `offsets` (int64 [U + 1])
and, where the source has times, `timestamps` (int64 [T], microseconds). `users.parquet` and `items.parquet`
give each id's name in the source (columns `id` and `raw`).
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from safetensors import SafetensorError, safe_open

from fearec_cli.data.interactions import Interactions
from fearec_cli.data.manifest import MANIFEST, REMEDY, Manifest, fingerprint_of, read_manifest
from fearec_cli.data.splits import Split
from fearec_cli.errors import DataError, OutputError, did_you_mean
from fearec_cli.system.atomic import atomic_directory

DATA = Path("data")
_INTERACTIONS = "interactions.safetensors"
_FILES = frozenset({MANIFEST, _INTERACTIONS, "users.parquet", "items.parquet"})
_DTYPES = {"I32": "<i4", "I64": "<i8"}


@dataclass(frozen=True, eq=False)
class Prepared:
    """An open prepared data set. The arrays are mapped from the file, not read into memory."""

    directory: Path
    manifest: Manifest
    interactions: Interactions
    withholds_test: bool = False

    def without_test(self) -> "Prepared":
        """The same data set for a search: asking for its test targets is an error."""
        return replace(self, withholds_test=True)

    @property
    def name(self) -> str:
        """What the data set is called in reports."""
        return self.manifest.name

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content and the split."""
        return self.manifest.fingerprint

    @cached_property
    def split(self) -> Split:
        """What is learned from and what is held out."""
        split = Split.of(self.interactions, self.manifest.split)
        return replace(split, withholds_test=True) if self.withholds_test else split

    @property
    def n_users(self) -> int:
        """U."""
        return len(self.interactions.raw_users)

    @property
    def n_items(self) -> int:
        """I; ids go from 1 to I."""
        return len(self.interactions.raw_items)

    @property
    def items(self) -> npt.NDArray[np.int32]:
        """int32 [T], item ids from 1, user after user, oldest first."""
        return self.interactions.items

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """int64 [U + 1]; user u's items are `items[offsets[u]:offsets[u + 1]]`."""
        return self.interactions.offsets

    @property
    def timestamps(self) -> npt.NDArray[np.int64] | None:
        """int64 [T], microseconds since 1970 UTC, or None where the source has no times."""
        return self.interactions.timestamps

    def item_ids(self) -> list[str]:
        """The source's item ids; index i names item id i + 1."""
        return self.interactions.raw_items.to_list()

    def user_ids(self) -> list[str]:
        """The source's user ids, in the order of `offsets`."""
        return self.interactions.raw_users.to_list()


def write_prepared(
    directory: Path, manifest: Manifest, interactions: Interactions, *, replace: bool = False
) -> Prepared:
    """Write a prepared data set, whole or not at all, and open it.

    Raises:
        OutputError: `directory` exists and `replace` is off, or it cannot be written.
    """
    arrays: dict[str, npt.NDArray[Any]] = {"offsets": interactions.offsets}
    if interactions.timestamps is not None:
        arrays["timestamps"] = interactions.timestamps
    # Last, for the values of 8 bytes must begin at a multiple of 8.
    arrays["items"] = interactions.items
    with atomic_directory(directory, replace=replace) as temporary:
        _write_arrays(temporary / _INTERACTIONS, arrays)
        for table, raw in (("users", interactions.raw_users), ("items", interactions.raw_items)):
            ids = pl.int_range(1, len(raw) + 1, dtype=pl.Int32, eager=True)
            # Through memory: polars loses the system's message about a full disk.
            content = io.BytesIO()
            pl.DataFrame({"id": ids, "raw": raw}).write_parquet(content)
            (temporary / f"{table}.parquet").write_bytes(content.getbuffer())
        (temporary / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return open_prepared(directory)


def is_prepared(directory: Path) -> bool:
    """Whether there is a prepared data set, damaged or not."""
    return (directory / MANIFEST).is_file()


def check_replaceable(directory: Path) -> None:
    """Let a directory be replaced only if it is a whole data set of ours and holds nothing else.

    Raises:
        OutputError: it is not, or has other files; names them.
    """
    try:
        read_manifest(directory)
    except DataError as error:
        raise OutputError(
            f"{directory}: is not a data set that fearec wrote, so --force does not remove it ({error}); remove it "
            "yourself, or choose another place with --out"
        ) from None
    strangers = sorted(entry.name for entry in directory.iterdir() if entry.name not in _FILES or not entry.is_file())
    if strangers:
        named = ", ".join(strangers[:5]) + (", ..." if len(strangers) > 5 else "")
        raise OutputError(
            f"{directory}: also holds {named}, which --force would remove; move it elsewhere, or choose another place "
            "with --out"
        )


def open_prepared(directory: Path) -> Prepared:
    """Open a prepared data set and check its content against its fingerprint.

    Raises:
        DataError: the directory is missing or is a file, a file in it is missing, cut short or changed, or a newer
            fearec wrote it.
    """
    if not directory.is_dir():
        raise DataError(
            f"{directory}: no such directory; make it by `fearec prepare SOURCE --out {directory}`, or give "
            f"the directory of a data set that is prepared already"
        )
    manifest = read_manifest(directory)
    arrays = _map(directory / _INTERACTIONS)
    try:
        interactions = Interactions(
            items=arrays["items"],
            offsets=arrays["offsets"],
            timestamps=arrays.get("timestamps"),
            raw_users=_raw_ids(directory / "users.parquet"),
            raw_items=_raw_ids(directory / "items.parquet"),
        )
        intact = fingerprint_of(interactions, manifest.split) == manifest.fingerprint
    except KeyError as error:
        raise DataError(f"{directory / _INTERACTIONS}: has no array {error}; {REMEDY}") from None
    if not intact:
        raise DataError(f"{directory}: its files are not those that {MANIFEST} was written for; {REMEDY}")
    _check_meaning(directory, interactions)
    counted = manifest.counts.users, manifest.counts.items, manifest.counts.interactions
    if counted != (len(interactions.raw_users), len(interactions.raw_items), len(interactions.items)):
        raise DataError(f"{directory / MANIFEST}: counts: are not those of the data set's files; {REMEDY}")
    return Prepared(directory, manifest, interactions)


def _check_meaning(directory: Path, interactions: Interactions) -> None:
    """Check that the numbers mean something; the fingerprint shows only that nothing was changed by accident.

    Raises:
        DataError: ids, offsets or times that no data set can have.
    """
    items, offsets, times = interactions.items, interactions.offsets, interactions.timestamps
    problem = ""
    if items.dtype != np.int32 or offsets.dtype != np.int64:
        problem = "items or offsets are of another type"
    elif len(offsets) != len(interactions.raw_users) + 1 or offsets[0] != 0 or offsets[-1] != len(items):
        problem = "the offsets do not belong to the users and interactions"
    elif bool((np.diff(offsets) < 0).any()):
        problem = "the offsets fall"
    elif len(items) and not 1 <= int(items.min()) <= int(items.max()) <= len(interactions.raw_items):
        problem = f"item ids lie outside 1 to {len(interactions.raw_items)}"
    elif times is not None and (times.dtype != np.int64 or len(times) != len(items)):
        problem = "the timestamps do not belong to the interactions"
    elif interactions.raw_items.n_unique() != len(interactions.raw_items):
        problem = "an item id of the source appears twice"
    if problem:
        raise DataError(f"{directory / _INTERACTIONS}: {problem}; {REMEDY}")


def find_prepared(fingerprint: str, root: Path) -> Path | None:
    """The first directory in `root`, by name, with this fingerprint; unreadable ones are passed over."""
    for file in sorted(root.glob(f"[!.]*/{MANIFEST}")):
        try:
            manifest = read_manifest(file.parent)
        except DataError:
            continue
        if manifest.fingerprint == fingerprint:
            return file.parent
    return None


def locate_dataset(text: str) -> Path:
    """The prepared directory that a user means: its path, or the name of one under `data/`.

    Raises:
        DataError: neither exists; says how to make it.
    """
    for directory in (Path(text), DATA / text):
        if is_prepared(directory):
            return directory
    if Path(text).name != text or Path(text).exists():
        raise DataError(
            f"{text}: is not a prepared data set; make one by `fearec prepare SOURCE --from FILE --out DIR`"
        )
    there = [file.parent.name for file in sorted(DATA.glob(f"[!.]*/{MANIFEST}"))]
    how = f"; `fearec prepare {text}` makes it if {text!r} is a source, `fearec datasets` lists the sources"
    raise DataError(
        f"no data set {text!r} is prepared under {DATA}/ (prepared: {', '.join(there) or 'none'})"
        f"{did_you_mean(text, there) or how}"
    )


def _write_arrays(file: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """A safetensors file: 8 bytes of the header's length, the header as JSON, the arrays one after the other.

    The library's own writer first copies them all. Format: github.com/huggingface/safetensors, README.
    """
    dtypes = {np.dtype(value).newbyteorder("="): name for name, value in _DTYPES.items()}
    header, end = {}, 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": dtypes[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [end, end + array.nbytes],
        }
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            # Not ndarray.tofile: that says nothing when the disk is full.
            stream.write(np.ascontiguousarray(array, dtype=_DTYPES[dtypes[array.dtype]]).data)


def _map(file: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a safetensors file as copy-on-write views of it.

    Copy-on-write, because torch warns of read-only arrays; the file itself is never changed.
    """
    try:
        # safetensors checks header and size, but gives numpy copies of the arrays.
        with safe_open(file, framework="numpy"):
            pass
        content = np.memmap(file, dtype=np.uint8, mode="c")
        body = 8 + int.from_bytes(content[:8].tobytes(), "little")
        header = json.loads(content[8:body].tobytes())
        header.pop("__metadata__", None)
        spans = {name: (entry["dtype"], *entry["data_offsets"]) for name, entry in header.items()}
        return {
            name: content[body + begin : body + end].view(np.ndarray).view(_DTYPES[dtype])
            for name, (dtype, begin, end) in spans.items()
        }
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise DataError(f"{file}: is missing or damaged ({error}); {REMEDY}") from None


def _raw_ids(file: Path) -> pl.Series:
    try:
        return pl.read_parquet(file, columns=["id", "raw"], glob=False).sort("id")["raw"]
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(f"{file}: is missing or damaged ({str(error).splitlines()[0]}); {REMEDY}") from None
