"""One file, several by a pattern, or all of a directory: in the order of their names, and one hash for all."""

import glob
import hashlib
from collections.abc import Sequence
from pathlib import Path

from fearec_adapters.reading.files import File, existing_file, location_of, source_of
from fearec_cli.api import Source
from fearec_cli.errors import DataError

# Names of files that a note lists.
_NAMED = 10


def existing_files(path: Path | None, adapter: str, suffixes: Sequence[str]) -> Sequence[File]:
    """What `--from` names: a file, a .zip with one file in it, a pattern such as `logs/*.csv`, or a directory.

    Args:
        path: what the user named.
        adapter: for the message.
        suffixes: of the files that are read of a directory, at any depth; each also with .gz after it. Hidden and
            temporary ones are passed over, and so is a packed file beside the same one unpacked.

    Raises:
        DataError: nothing is named, or no file is there.
    """
    if path is not None and path.is_dir():
        wanted = tuple(packed for suffix in suffixes for packed in (suffix, f"{suffix}.gz"))
        there = {file for file in path.rglob("*") if file.name.endswith(wanted) and file.is_file()}
        found = _without_copies({file for file in there if not _is_hidden(file.relative_to(path))})
        if not found:
            raise DataError(f"{path}: is a directory with no {' or '.join(suffixes)} file in it; name the file")
        return found
    if path is not None and glob.has_magic(str(path)) and not path.exists():
        found = _without_copies({Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file()})
        if not found:
            raise DataError(f"{path}: no file fits this pattern")
        return found
    return [existing_file(path, adapter)]


def files_note(files: Sequence[File]) -> dict[str, str]:
    """The note on which of several files are read, for `fearec_cli.api.Log.notes`."""
    if len(files) == 1:
        return {}
    names = ", ".join(location_of(file) for file in files[:_NAMED])
    return {"files": f"{len(files)}: {names}" + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")}


def _is_hidden(path: Path) -> bool:
    """Some part of it begins as the copies of editors, notebooks and writers do, which are not the log."""
    return any(part.startswith((".", "_", "~")) for part in path.parts)


def _without_copies(files: set[Path]) -> list[Path]:
    """In the order of their names, without a packed file beside the same one unpacked."""
    return sorted(file for file in files if not (file.suffix == ".gz" and file.with_suffix("") in files))


def source_of_files(files: Sequence[File], path: Path | None, adapter: str) -> Source:
    """The record of the files that `path` stands for; the hash of several is that of the list `sha256sum FILE...`."""
    sources = [source_of(file, adapter) for file in files]
    if len(sources) == 1:
        return sources[0]
    listing = "".join(f"{source.sha256}  {source.location}\n" for source in sources)
    digest = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    return Source(adapter=adapter, location=f"{path.name if path else ''} ({len(files)} files)", sha256=digest)
