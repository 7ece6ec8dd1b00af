"""Amazon's reviews: the release of 2023 from the Hub, and local files of 2014, 2018 and 2023.

Hub: huggingface.co/datasets/McAuley-Lab/Amazon-Reviews-2023, `benchmark/{5core,0core}/rating_only/<Category>.csv`
and `raw/review_categories/<Category>.jsonl`. Items are `parent_asin`, the product with all its variants; before 2023
there is only `asin`. Layouts of all files: `_amazon_layouts`.
"""

import functools
from pathlib import Path
from typing import Literal

from fearec_adapters.datasets.amazon_categories import CATEGORIES, Category
from fearec_adapters.datasets.amazon_layouts import AUTO, Order, Read, columns_of, read_local, read_reviews
from fearec_adapters.files.file import File
from fearec_adapters.files.finding import find_file
from fearec_adapters.hub.download import fetch
from fearec_adapters.hub.table import HubTable
from fearec_adapters.reading.rows import Rows
from fearec_cli.api import Component, Field, Log, Options
from fearec_cli.errors import DataError

_REPOSITORY = "McAuley-Lab/Amazon-Reviews-2023"
_PLACES = {
    2014: "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/reviews_{}_5.json.gz",
    2018: "{}_5.json.gz from https://nijianmo.github.io/amazon",
}
_HUB_ONLY = ("cut", "revision")


class AmazonOptions(Options):
    """Which release, and which of its files."""

    year: Literal[2014, 2018, 2023] = Field(2023, description="release; those before 2023 are only read with --from")
    cut: Literal["5core", "0core", "raw"] = Field(
        "5core", description="file of the Hub: 5core and 0core are ratings without repeated pairs, raw every review"
    )
    revision: str = Field("main", min_length=1, description="branch, tag or commit of the Hub's repository")
    columns: Order = Field(
        "auto", description="first two columns of a ratings file of 2014 or 2018; auto: by the form of the ids"
    )


class Amazon:
    """Reads a category's file of the Hub, or the file that `--from` names: reviews or ratings, also as .gz or .zip."""

    def __init__(self, options: AmazonOptions, *, category: str) -> None:
        self._options = options
        self._category: Category = CATEGORIES[category]
        self._adapter = f"amazon-{category}"

    def read(self, path: Path | None) -> Log:
        """Read the interactions.

        Raises:
            DataError: the category has no such file, it cannot be had, or a line is bad; names what and where.
        """
        year = self._options.year
        if not self._category.name(year):
            there = " and ".join(str(other) for other in (2014, 2018, 2023) if self._category.name(other))
            raise DataError(f"{self._adapter}: the release of {year} has no such category; it is in that of {there}")
        if path is not None:
            for option in _HUB_ONLY:
                if option in self._options.model_fields_set:
                    raise DataError(f"{self._adapter}.{option} chooses a file of the Hub; leave it or --from out")
            file = find_file(path, self._adapter)
            frame, notes = read_local(file, year, self._options.columns, self._adapter)
            source = file.source()
        else:
            fetched = fetch(_REPOSITORY, self._hub_path(), self._options.revision)
            frame, notes = self._read_fetched(fetched.file)
            source, notes = fetched.source(self._adapter), {**notes, **fetched.notes}
        return Log(frame=frame, source=source, notes=notes)

    def _hub_path(self) -> str:
        """The file of the Hub.

        Raises:
            DataError: there is none; says what to do.
        """
        year, cut, name = self._options.year, self._options.cut, self._category.in_2023
        if year != 2023:
            old = self._category.name(year)
            raise DataError(
                f"{self._adapter}: the release of {year} is not on the Hub; fetch {_PLACES[year].format(old)} "
                f"and name it by --from"
            )
        if cut == "5core" and not self._category.core:
            raise DataError(
                f"{self._adapter}: the release of 2023 has no 5-core file of {name}; take every rating by "
                f"--set {self._adapter}.cut=0core (fearec prepare makes the 5-core itself), or every review by =raw"
            )
        return f"raw/review_categories/{name}.jsonl" if cut == "raw" else f"benchmark/{cut}/rating_only/{name}.csv"

    def _read_fetched(self, file: Path) -> Read:
        if self._options.cut == "raw":
            return read_reviews(File(file, self._adapter), 2023, self._adapter)
        table = HubTable(file)
        columns = columns_of(table.columns, file, 2023, self._adapter)
        rows = Rows.of(AUTO, table.sample(columns), self._adapter)
        return table.frame(columns, rows), rows.time_notes()


def _component(name: str, category: Category) -> Component:
    years = [year for year in (2014, 2018, 2023) if category.name(year)]
    known = " / ".join(dict.fromkeys(category.name(year) for year in years))
    hub = f"2023 from the Hub{'' if category.core else ' (no 5-core file)'}, " if category.in_2023 else ""
    return Component(
        name=f"amazon-{name}",
        options=AmazonOptions,
        build=functools.partial(Amazon, category=name),
        summary=f"Amazon reviews of {known}: {hub}{', '.join(map(str, years))} from a file.",
        source=f"huggingface.co/datasets/{_REPOSITORY}; Hou et al. 2024, arXiv 2403.03952; Ni et al. 2019; "
        f"McAuley et al. 2015",
    )


COMPONENTS = [_component(name, category) for name, category in CATEGORIES.items()]
