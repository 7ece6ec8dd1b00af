"""One user a line: `user item item ...`, oldest first, as S3-Rec, FMLP-Rec and BSARec publish their data."""

from pathlib import Path

import polars as pl

from fearec_adapters._files import File, existing_file, source_of, text_bytes
from fearec_cli.api import Component, Log, Options, hookimpl
from fearec_cli.errors import DataError


class SequencesOptions(Options):
    """There is nothing to choose."""


class Sequences:
    """Reads .txt and .txt.gz. Ids are text with white space between; blank lines are passed over."""

    def __init__(self, options: SequencesOptions) -> None:
        self._options = options

    def read(self, path: Path | None) -> Log:
        """Read a file.

        Raises:
            DataError: no file, an empty one, a user without items or with a second line; names file and line.
        """
        file = existing_file(path, "sequences")
        lines = (
            pl.DataFrame({"text": text_bytes(file).decode().split("\n")}, schema={"text": pl.String})
            .with_row_index("line", offset=1)
            .select("line", words=pl.col("text").str.extract_all(r"\S+"))
            .filter(pl.col("words").list.len() > 0)
            .select("line", user=pl.col("words").list.first(), item=pl.col("words").list.slice(1))
        )
        _check(file, lines)
        # These files come filtered and numbered: a k-core would change a published data set.
        return Log(
            frame=lines.lazy().select("user", "item").explode("item"),
            source=source_of(file, "sequences"),
            k_core=0,
        )


def _check(file: File, lines: pl.DataFrame) -> None:
    for line, user, _ in lines.filter(pl.col("item").list.len() == 0).head(1).rows():
        raise DataError(f"{file}, line {line}: user {user!r} has no items; a line is: user item item ...")
    for line, user, _ in lines.filter(~pl.col("user").is_first_distinct()).head(1).rows():
        first = lines.filter(pl.col("user") == user)["line"][0]
        raise DataError(f"{file}, line {line}: user {user!r} has a line already, line {first}; one user a line")


@hookimpl
def fearec_adapters() -> list[Component]:
    """One user a line."""
    return [
        Component(
            name="sequences",
            options=SequencesOptions,
            build=Sequences,
            summary="One user a line, `user item item ...`, oldest first (.txt), with or without .gz.",
            source="a local file; RUCAIBox/CIKM2020-S3Rec data/",
        )
    ]
