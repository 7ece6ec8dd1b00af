"""One file, several by a pattern, or all of a directory: in the order of their names, and one hash for all."""

import glob
import hashlib
from collections.abc import Sequence
from pathlib import Path

from fearec_adapters.reading.files import File, existing_file, source_of
from fearec_cli.api import Source
from fearec_cli.errors import DataError


def existing_files(path: Path | None, adapter: str, suffixes: Sequence[str]) -> Sequence[File]:
    """What `--from` names: a file, a .zip with one file in it, a pattern such as `logs/*.csv`, or a directory.

    Args:
        path: what the user named.
        adapter: for the message.
        suffixes: of the files that are read of a directory, at any depth; each also with .gz after it.

    Raises:
        DataError: nothing is named, or no file is there.
    """
    if path is not None and path.is_dir():
        wanted = tuple(packed for suffix in suffixes for packed in (suffix, f"{suffix}.gz"))
        found = sorted(file for file in path.rglob("*") if file.name.endswith(wanted) and file.is_file())
        if not found:
            raise DataError(f"{path}: is a directory with no {' or '.join(suffixes)} file in it; name the file")
        return found
    if path is not None and glob.has_magic(str(path)) and not path.exists():
        found = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())
        if not found:
            raise DataError(f"{path}: no file fits this pattern")
        return found
    return [existing_file(path, adapter)]


def source_of_files(files: Sequence[File], path: Path | None, adapter: str) -> Source:
    """The record of the files that `path` stands for; the hash of several is that of the list `sha256sum FILE...`."""
    sources = [source_of(file, adapter) for file in files]
    if len(sources) == 1:
        return sources[0]
    listing = "".join(f"{source.sha256}  {source.location}\n" for source in sources)
    digest = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    return Source(adapter=adapter, location=f"{path.name if path else ''} ({len(files)} files)", sha256=digest)
