"""What `--from` names: a file, a member of an archive, a pattern, or all of a directory."""

import glob
import hashlib
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fearec_adapters.files.file import ZIP_ERRORS, File
from fearec_adapters.files.packing import HEAD, packing_of
from fearec_cli.api import Source
from fearec_cli.errors import DataError

PACKED = (".gz", ".bz2", ".xz")
# Names that a note lists.
_NAMED = 10


@dataclass(frozen=True)
class Found:
    """The files of a log, in the order of their names.

    Attributes:
        files: at least one.
        place: what the user named.
        notes: for `fearec_cli.api.Log`: which files of several are read, and which are passed over.
    """

    files: Sequence[File]
    place: Path
    notes: Mapping[str, str]

    def source(self) -> Source:
        """The record of the files; the hash of several is that of the list `sha256sum FILE...`.

        Raises:
            DataError: one cannot be read.
        """
        sources = [file.source() for file in self.files]
        if len(sources) == 1:
            return sources[0]
        listing = "".join(f"{source.sha256}  {source.location}\n" for source in sources)
        digest = hashlib.sha256(listing.encode()).hexdigest()
        name = os.fsencode(self.place.name).decode("utf-8", "replace")
        return Source(adapter=self.files[0].adapter, location=f"{name} ({len(sources)} files)", sha256=digest)


def find_file(path: Path | None, adapter: str, names: Sequence[str] = (), *, encoding: str = "utf-8") -> File:
    """What `--from` names, if it is a file, or a .zip or directory with the file in it.

    Args:
        path: what the user named; also ARCHIVE.zip/MEMBER.
        adapter: prefix of its options, for messages.
        names: what the file is called in its download; without any, a .zip must hold a single file, and a
            directory is an error.
        encoding: of the file's text.

    Raises:
        DataError: nothing is named, no file is there, or several could be meant.
    """
    if path is None:
        raise DataError(f"{adapter}: reads a file; name it: `fearec prepare {adapter} --from FILE`")
    if names and _is_directory(path):
        below = sorted({file for name in names for file in _below(path, name)})
        return File.of(Path(_only(path, list(map(str, below)), names)), adapter, encoding=encoding)
    archive, member = _split_member(path)
    file = replace(File.of(archive, adapter, encoding=encoding), member=member)
    return _member(file, names) if not member and _is_zip(file) else file


def find_files(path: Path | None, adapter: str, suffixes: Sequence[str], *, encoding: str = "utf-8") -> Found:
    """What `--from` names: as for `find_file`, or a pattern such as `logs/*.csv`, or a directory.

    Of a directory, what is hidden is passed over (names that begin with a point, an underscore or a tilde, as copies of
    editors, notebooks and writers do); of it and of a pattern, a packed file beside the same one unpacked.

    Args:
        path: what the user named.
        adapter: prefix of its options, for messages.
        suffixes: of the files that are read of a directory, at any depth; each also with .gz, .bz2 or .xz after it.
        encoding: of the files' text.

    Raises:
        DataError: nothing is named, or no file is there.
    """
    if path is None or not (_is_directory(path) or _is_pattern(path)):
        file = find_file(path, adapter, encoding=encoding)
        return Found([file], path or file.path, {})
    if _is_directory(path):
        wanted = tuple(suffix + packed for suffix in suffixes for packed in ("", *PACKED))
        there = {file for file in path.rglob("*") if file.name.endswith(wanted) and file.is_file()}
        shown = {file for file in there if not _is_hidden(file.relative_to(path))}
        problem = f"is a directory with no {' or '.join(suffixes)} file in it; name the file"
    else:
        shown = there = {Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file()}
        problem = "no file fits this pattern"
    kept = shown - {file for file in shown if file.suffix in PACKED and file.with_suffix("") in shown}
    passed = f"{_listed(there - kept)} (hidden, temporary, or there unpacked too)" if there - kept else ""
    if not kept:
        raise DataError(f"{path}: {problem}{f'; passed over: {passed}' if passed else ''}")
    notes = {"files": _listed(kept)} if len(there) > 1 else {}
    if passed:
        notes["passed over"] = passed
    return Found([File.of(file, adapter, encoding=encoding) for file in sorted(kept)], path, notes)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_", "~")) for part in path.parts)


def _listed(files: set[Path]) -> str:
    names = ", ".join(File(file, "").location for file in sorted(files)[:_NAMED])
    return f"{len(files)}: {names}" + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _is_pattern(path: Path) -> bool:
    try:
        return glob.has_magic(str(path)) and not path.exists()
    except (OSError, ValueError):
        return False


def _below(directory: Path, name: str) -> list[Path]:
    """Files of this name in a directory, or in the folder that an archive was unpacked to in it."""
    return [file for file in (directory / name, *directory.glob(f"*/{name}")) if file.is_file()]


def _split_member(path: Path) -> tuple[Path, str]:
    """An archive and a path in it, where `path` goes on after the name of a .zip; else the path and ""."""
    try:
        if not path.exists():
            for parent in path.parents:
                if parent.suffix == ".zip" and parent.is_file():
                    return parent, path.relative_to(parent).as_posix()
    except (OSError, ValueError):
        pass
    return path, ""


def _is_zip(file: File) -> bool:
    if file.path.suffix == ".zip":
        return True
    with file.raw() as stream:
        return packing_of(stream.read(HEAD)) == "zip"


def _member(file: File, names: Sequence[str]) -> File:
    try:
        with zipfile.ZipFile(file.path) as archive:
            members = [name for name in archive.namelist() if not name.endswith("/")]
    except (*ZIP_ERRORS, OSError) as error:
        raise DataError(f"{file}: is not a complete zip file: {error}; fetch it again") from None
    if "xl/workbook.xml" in members:
        raise DataError(f"{file}: is an Excel workbook; save the sheet as csv")
    # macOS adds hidden companions to every file.
    plain = [name for name in members if not name.startswith("__MACOSX/")]
    fitting = sorted(name for name in plain if not names or name.rpartition("/")[2] in names)
    return replace(file, member=_only(file.path, fitting, names))


def _only(place: Path, found: Sequence[str], names: Sequence[str]) -> str:
    if not found:
        raise DataError(f"{place}: has no {' or '.join(names) or 'file'} in it")
    if len(found) > 1:
        listed = ", ".join(f"{place.name}/{name}" if place.suffix == ".zip" else name for name in found[:5])
        raise DataError(f"{place}: holds several files that could be meant ({listed}); unpack it and name the one")
    return found[0]
