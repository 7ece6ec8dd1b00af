"""What the shell offers for a word that is begun: presets, sources, components, data sets and runs that are there.

A completion is asked for at every press of the key: none imports torch but that of components, which have no names
before they are imported.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

# As many entries of a directory are looked at.
_MOST = 1000


def presets(incomplete: str) -> list[str]:
    """Names of presets."""
    from fearec_cli.config.loading import preset_names

    return _begun(incomplete, preset_names())


def sources(incomplete: str) -> list[str]:
    """Names of sources of data."""
    from fearec_cli.components.registry import load_adapters

    return _begun(incomplete, (entry.name for entry in load_adapters()))


def components(incomplete: str) -> list[str]:
    """Names of components, sections of settings and presets."""
    from fearec_cli.components.registry import load_components

    return _begun(incomplete, ["model", "training", *presets(""), *(entry.name for entry in load_components())])


def data_sets(incomplete: str) -> list[str]:
    """Names of prepared data sets under data/, and directories."""
    from fearec_cli.data.prepared import DATA, is_prepared

    named = [place.name for place in _below(DATA) if is_prepared(place)]
    return _begun(incomplete, named) or _paths(incomplete)


def runs(incomplete: str) -> list[str]:
    """Directories of runs under runs/, and other paths."""
    found = [str(place) for place in _below(Path("runs")) if (place / "run.toml").is_file()]
    return _begun(incomplete, found) or _paths(incomplete)


def _begun(incomplete: str, names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _paths(incomplete: str) -> list[str]:
    """Paths that begin so; a directory ends in a slash."""
    directory, _, _ = incomplete.rpartition("/")
    parent = Path(directory or ("/" if incomplete.startswith("/") else "."))
    prefix = incomplete[: incomplete.rfind("/") + 1]
    return _begun(incomplete, (prefix + place.name + ("/" if place.is_dir() else "") for place in _below(parent)))


def _below(directory: Path) -> list[Path]:
    """Entries of a directory that are not hidden; none where it cannot be read."""
    try:
        return [place for place in islice(directory.iterdir(), _MOST) if not place.name.startswith(".")]
    except OSError:
        return []
