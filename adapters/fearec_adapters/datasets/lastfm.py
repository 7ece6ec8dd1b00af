"""Last.fm of HetRec 2011: who tagged which artist when (grouplens.org/datasets/hetrec-2011).

`user_taggedartists-timestamps.dat` is tab-separated with the header `userID artistID tagID timestamp`, times in
milliseconds. An artist given three tags at once has three lines, which are one interaction: as in the
literature (S3-Rec), a user-artist pair is kept once, and here it is the earliest.
"""

from pathlib import Path

import polars as pl

from fearec_adapters.files.finding import find_file
from fearec_adapters.reading.columns import all_named
from fearec_adapters.reading.delimited import Table
from fearec_adapters.reading.rows import Rows
from fearec_adapters.reading.times import Clock
from fearec_cli.api import Component, Log, Options

FILE = "user_taggedartists-timestamps.dat"


class LastFm:
    """Reads the file, the directory it is in, or hetrec2011-lastfm-2k.zip."""

    def __init__(self, options: Options) -> None:
        pass

    def read(self, path: Path | None) -> Log:
        """Read the taggings. Users set their clocks as they please: times before 1970 are kept, and counted.

        Raises:
            DataError: no file, another file, or a bad line; names file, line and value.
        """
        file = find_file(path, "lastfm", [FILE])
        table = Table.open(file, separator="\t", header=True, quoted=False)
        wanted = {"user": "userID", "item": "artistID", "timestamp": "timestamp"}
        columns = all_named(table.columns, wanted, where=file, hint=f"; the file of this data set is {FILE}")
        clock = Clock("ms", negative=True)
        frame = table.frame(columns, Rows(clock))
        rows = frame.with_row_index("row").collect()
        first = (
            rows.sort("timestamp", "row")
            .unique(["user", "item"], keep="first", maintain_order=True)
            .sort("row")
            .drop("row")
        )
        notes = {
            "times": clock.note,
            "repeated pairs in the source": f"{len(rows) - len(first)} of {len(rows)} lines dropped, earliest kept",
            "times before 1970": str(first.filter(pl.col("timestamp") < 0).height),
        }
        return Log(frame=first.lazy(), source=file.source(), notes=notes)


COMPONENT = Component(
    name="lastfm",
    build=LastFm,
    summary="Last.fm: artists that users tagged, each user-artist pair once, the earliest time.",
    source=f"a local file {FILE} of hetrec2011-lastfm-2k.zip, grouplens.org/datasets/hetrec-2011",
)
