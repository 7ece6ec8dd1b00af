"""A source by its name, opened, and prepared or looked at beforehand. Heavy: commands import it when they run."""

import contextlib
import glob
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fearec_cli.api import Log
from fearec_cli.components.options import parse_assignment, validate_options
from fearec_cli.components.registry import Registered, load_adapters
from fearec_cli.data.manifest import Manifest, describe, read_manifest
from fearec_cli.data.prepared import DATA, Prepared, check_replaceable, is_prepared, open_prepared, write_prepared
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.data.preparing.steps import prepare_split
from fearec_cli.data.settings import Settings
from fearec_cli.errors import ConfigError, DataError, OutputError
from fearec_cli.system.atomic import behind_links, check_place, remove_leftovers
from fearec_cli.system.text import is_name

Files = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class Opened:
    """A source whose rows are not read yet, and how it is to be prepared.

    Attributes:
        log: the source.
        settings: the filters and the split.
        options: the adapter's options, JSON values.
        out: where the data set goes.
        made_by: package and version of fearec and of the adapter.
        path: the file, directory or pattern that it reads, if any.
        files: below `path`, as they were before they were read.
    """

    log: Log
    settings: Settings
    options: Mapping[str, Any]
    out: Path
    made_by: Mapping[str, str]
    path: Path | None = None
    files: Files = ()


def open_source(
    source: str,
    *,
    path: Path | None = None,
    out: Path | None = None,
    assignments: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Opened:
    """Find an adapter, check every option, and open what it is to read.

    Args:
        source: name of an adapter; where that takes a location (`hub`), also NAME:LOCATION.
        path: file to read, where it reads one.
        out: directory to write; `data/SOURCE` unless given, or data/NAME-FILE of a Hub's file.
        assignments: `SOURCE.OPTION=VALUE` texts, over `options`.
        options: of the adapter.
        settings: fields of `fearec_cli.data.settings.Settings`; the adapter proposes the k-core.

    Raises:
        FearecError: no such adapter, bad options, a source that cannot be opened, or a place that cannot be
            written or holds something else.
    """
    name, _, location = source.partition(":")
    adapter = load_adapters().get("adapter", name)
    assigned, problems = _read_assignments(name, assignments)
    values = {**(options or {}), **assigned}
    twice = [f"{name}.{option}: is given twice; give it once" for option in assigned if option in (options or {})]
    problems += twice
    if location:
        values["location"] = location
    read_options, found = validate_options(name, adapter.component.options, values)
    chosen, found_settings = validate_options("prepare", Settings, settings or {})
    if read_options is None or chosen is None or problems:
        raise ConfigError([*problems, *found, *found_settings])

    out = out or DATA / _default_name(name, location)
    out = behind_links(out)
    if not is_name(out.absolute().name):
        raise OutputError(
            f"{out}: the directory's name becomes the data set's: it must be printable, not hidden, and have 100 "
            "characters at most; choose another --out"
        )
    check_place(out)
    if out.exists() and not is_prepared(out) and not (out.is_dir() and not any(out.iterdir())):
        # Not even --force removes what this program did not write.
        raise OutputError(f"{out}: exists and is not a prepared data set; choose another place with --out")
    if path is not None and path.exists() and path.resolve().is_relative_to(out.resolve()):
        raise OutputError(f"{out}: the source {path} lies in it; choose another place with --out")
    files = _files(path)
    log = adapter.component.build(read_options).read(path)
    if "k_core" not in chosen.model_fields_set:
        chosen = chosen.model_copy(update={"k_core": log.k_core})
    return Opened(log, chosen, read_options.model_dump(mode="json"), out, _made_by(adapter), path, files)


def prepare_source(
    source: str,
    *,
    path: Path | None = None,
    out: Path | None = None,
    assignments: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    force: bool = False,
    watcher: Watcher | None = None,
) -> tuple[Prepared, bool]:
    """Prepare a source, unless that is done already.

    An existing data set at `out` is taken as the result, without reading a row, if the raw bytes, by their hash, the
    programs, the
    options and the settings are the same; for a source without a hash, if the result is the same.

    Args:
        source: as in `open_source`, and so are `path`, `out`, `assignments`, `options` and `settings`.
        path: file to read.
        out: directory to write.
        assignments: options of the source, as text.
        options: of the source, as values.
        settings: filters and split.
        force: replace what is at `out`.
        watcher: follows the progress.

    Returns:
        The data set, and whether it was written now.

    Raises:
        FearecError: as in `open_source`; a log that cannot be read or used; another data set at `out`.
    """
    opened = open_source(source, path=path, out=out, assignments=assignments, options=options, settings=settings)
    remove_leftovers(opened.out)
    if force and is_prepared(opened.out):
        check_replaceable(opened.out)
    before = standing(opened) if not force else None
    if before is not None and before.same_bytes(opened.log.source, opened.made_by):
        return open_prepared(opened.out), False
    watcher = watcher or Watcher()
    interactions, rule = prepare_split(opened.log, opened.settings, watcher)
    if _files(opened.path) != opened.files:
        # The hash was taken of what is no longer there, or not of all that was read.
        raise DataError(f"{opened.path}: changed while it was read; prepare it again when nothing writes to it")
    watcher.on_stage("writing")
    manifest = describe(
        opened.log,
        interactions,
        rule,
        opened.settings,
        name=opened.out.resolve().name,
        options=opened.options,
        kept=watcher.kept,
        ordering=watcher.ordering,
        made_by=opened.made_by,
    )
    if before is None:
        return write_prepared(opened.out, manifest, interactions, replace=force), True
    if before.same_data(manifest):
        return open_prepared(opened.out), False
    raise _taken(opened.out)


def _files(path: Path | None) -> Files:
    """Every file below a path with its inode, size and time of change: two such lists are equal if nothing was
    written."""
    if path is None:
        return ()
    if path.is_dir():
        places = sorted(each for each in path.rglob("*") if each.is_file())
    else:
        places = sorted(map(Path, [str(path)] if path.exists() else glob.glob(str(path), recursive=True)))
    found = []
    for place in places:
        with contextlib.suppress(OSError):  # it went away meanwhile: then it is missing in the list
            status = place.stat()
            found.append((str(place), status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(found)


def standing(opened: Opened) -> Manifest | None:
    """The manifest of the data set that is already where one is to be written, if any.

    Raises:
        OutputError: it was made by other choices.
        DataError: it is damaged.
    """
    if not is_prepared(opened.out):
        return None
    manifest = read_manifest(opened.out)
    if not manifest.same_choices(opened.settings, opened.options):
        raise _taken(opened.out)
    return manifest


def _taken(out: Path) -> OutputError:
    return OutputError(
        f"{out}: holds a data set that was prepared from other data or otherwise; use --force to replace it, "
        f"or choose another place with --out"
    )


def _made_by(adapter: Registered) -> dict[str, str]:
    return {"fearec": version("fearec"), adapter.package: adapter.version}


def _read_assignments(source: str, assignments: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """Option values, and every problem. A family's name stands for the source's, as `amazon` for `amazon-beauty`."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for text in assignments:
        try:
            name, option, value = parse_assignment(text)
        except ConfigError as error:
            problems += error.problems
            continue
        if name == source or source.startswith(f"{name}-"):
            values[option] = value
        else:
            problems.append(f"--set {text}: {name!r} is not the source; its options are {source}.OPTION")
    return values, problems


def _default_name(source: str, location: str) -> str:
    """Name under data/: the source's, or of OWNER/NAME/path/file.csv the parts that tell it from others."""
    _, *parts = location.split("/")
    return "-".join([parts[0], parts[-1].partition(".")[0]]) if len(parts) > 1 else source
