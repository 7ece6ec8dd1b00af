"""MovieLens (grouplens.org/datasets/movielens): ratings from half a star to five, times in seconds.

| release | file | layout |
|---|---|---|
| 100k | `u.data` | tabs, no header: user item rating time |
| 1m, 10m | `ratings.dat` | `user::item::rating::time`, no header |
| 20m, 25m, 32m, latest-small | `ratings.csv` | header `userId,movieId,rating,timestamp` |

The README files of 100k, 1m, 10m and 20m forbid to pass the data on, so those are read from the file that each user
fetches. That of 32m allows it under the same terms: without a file it comes from the Hub.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

from fearec_adapters.files.file import File
from fearec_adapters.files.finding import find_file
from fearec_adapters.hub.download import fetch
from fearec_adapters.hub.table import HubTable
from fearec_adapters.reading.columns import all_named
from fearec_adapters.reading.delimited import Table
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.times import Clock
from fearec_cli.api import Component, Field, Log, Options
from fearec_cli.errors import DataError

_FIELDS = ("user", "item", "rating", "timestamp")
_HEADER = ("userId", "movieId", "rating", "timestamp")
_FILES = {
    "100k": "u.data",
    "1m": "ratings.dat",
    "10m": "ratings.dat",
    "20m": "ratings.csv",
    "25m": "ratings.csv",
    "32m": "ratings.csv",
    "latest-small": "ratings.csv",
}
_FORBIDDEN = "its README forbids to pass the data on"
_REASON = dict.fromkeys(("100k", "1m", "10m", "20m"), _FORBIDDEN)
_HUB_REPOSITORY = "omrastogi/movielen"
_HUB_REVISION = "a4e106171ad2f8d559bcc0b25af9aefb1fc93bbe"


class MovieLens32Options(Options):
    """Which state of the Hub's copy is read."""

    revision: str = Field(
        _HUB_REVISION, min_length=1, description="commit, tag or branch of the Hub's copy; unused with --from"
    )


class MovieLens:
    """Reads the ratings file of a release, the directory it is in, or the .zip as it is downloaded."""

    def __init__(self, options: Options, *, release: str) -> None:
        self._options = options
        self._release = release
        self._adapter = f"movielens-{release}"

    def read(self, path: Path | None) -> Log:
        """Read the ratings.

        Raises:
            DataError: no file, that of another release, or a bad line; names file, line and value.
        """
        table: Table | HubTable
        notes: Mapping[str, str] = {}
        if path is not None:
            file = find_file(path, self._adapter, [_FILES[self._release]])
            table, columns = self._open(file)
            source = file.source()
        elif isinstance(self._options, MovieLens32Options):
            fetched = fetch(_HUB_REPOSITORY, _FILES[self._release], self._options.revision)
            table = HubTable(fetched.file)
            columns = _named_columns(table.columns, fetched.file)
            source, notes = fetched.source(self._adapter), fetched.notes
        else:
            raise DataError(
                f"{self._adapter}: {_REASON.get(self._release, 'has no copy on the Hub that is known to be whole')}; "
                f"fetch ml-{self._release}.zip from https://grouplens.org/datasets/movielens/ and name it: "
                f"`fearec prepare {self._adapter} --from ml-{self._release}.zip`"
            )
        rows = Rows(Clock("s"))
        return Log(frame=table.frame(columns, rows), source=source, notes={**rows.time_notes(), **notes})

    def _open(self, file: File) -> tuple[Table, dict[str, str]]:
        """The opened file, and the column of each of a log's columns."""
        name = _FILES[self._release]
        if name == "ratings.csv":
            table = Table.open(file, separator=",", header=True, quoted=True)
            return table, _named_columns(table.columns, file)
        if name == "ratings.dat":
            # Polars separates by one character only; a tab, which no id contains, stands for the two.
            table = Table.open(file, separator="\t", header=False, quoted=False, double=b"::")
        else:
            table = Table.open(file, separator="\t", header=False, quoted=False)
        if len(table.columns) != len(_FIELDS):
            raise DataError(
                f"{file}, line 1: has {len(table.columns)} fields, and {name} of MovieLens {self._release} has four: "
                f"user, item, rating and time"
            )
        return table, dict(zip(_FIELDS, table.columns, strict=True))


def _named_columns(names: list[str], file: object) -> dict[str, str]:
    wanted = dict(zip(_FIELDS, _HEADER, strict=True))
    return all_named(names, wanted, where=file, hint="; the file of this data set is ratings.csv")


def _component(release: str) -> Component:
    hub = f", or huggingface.co/datasets/{_HUB_REPOSITORY}" if release == "32m" else ""
    return Component(
        name=f"movielens-{release}",
        options=MovieLens32Options if release == "32m" else Options,
        build=functools.partial(MovieLens, release=release),
        summary=f"MovieLens {release}: ratings of films, from {_FILES[release]}, its directory or the official .zip.",
        source=f"a local file, grouplens.org/datasets/movielens{hub}; Harper and Konstan 2015, TiiS 5(4)",
    )


COMPONENTS = [_component(release) for release in _FILES]
