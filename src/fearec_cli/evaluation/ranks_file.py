"""The ranks of every target in a file of their own: what two models are compared by, target by target.

A Parquet file with a row a target, in the order of the data set's users:

| column | type | what |
|---|---|---|
| `user`, `item` | string | raw ids of the target |
| `part` | string | `valid` or `test` |
| `unmasked`, `seen-masked` | int64 | rank under each protocol, 1 is the best; null for a miss |
| `repeated` | bool | whether the target is in its own history |
| `history` | int64 | interactions before the target; with the user it names the target |

The metadata has the `Header` under `fearec.header` as JSON, and the number of this format under `fearec.ranks`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import ValidationError

from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import DataError, OutputError
from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.evaluation.header import Header
from fearec_cli.evaluation.ranks import MISS, RankProtocol
from fearec_cli.system.atomic import atomic_file
from fearec_cli.system.outputs import STANDARD_OUTPUT, check_output
from fearec_cli.system.parsing import first_fault

FORMAT = 1
_FORMAT_KEY, _HEADER_KEY = "fearec.ranks", "fearec.header"
_SCHEMA = {
    "user": pl.String,
    "item": pl.String,
    "part": pl.String,
    "unmasked": pl.Int64,
    "seen-masked": pl.Int64,
    "repeated": pl.Boolean,
    "history": pl.Int64,
}
_PROTOCOLS: tuple[RankProtocol, ...] = ("unmasked", "seen-masked")
_REMEDY = "write it again: fearec evaluate CHECKPOINT --save-ranks FILE"


@dataclass(frozen=True, eq=False)
class SavedRanks:
    """A file of ranks.

    Attributes:
        path: the file.
        header: what the ranks are ranks of.
        users: [P] raw id of each target's user.
        items: [P] raw id of the target.
        history: int64 [P], interactions before it.
        ranks: int64 [P] under each protocol; a miss is `fearec_cli.evaluation.ranks.MISS`.
    """

    path: Path
    header: Header
    users: pl.Series
    items: pl.Series
    history: npt.NDArray[np.int64]
    ranks: dict[RankProtocol, npt.NDArray[np.int64]]

    @property
    def repeated(self) -> npt.NDArray[np.bool_]:
        """Which targets are in their own history."""
        repeated: npt.NDArray[np.bool_] = self.ranks["seen-masked"] == MISS
        return repeated


def write_ranks(path: Path, header: Header, prepared: Prepared, evaluation: Evaluation) -> None:
    """Write the ranks of an evaluation, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    held_out = evaluation.held_out
    interactions = prepared.interactions
    columns: dict[str, Any] = {
        "user": interactions.raw_users.gather(held_out.users),
        "item": interactions.raw_items.gather(interactions.items[held_out.targets] - 1),
        "part": pl.repeat(held_out.split, len(held_out), dtype=pl.String, eager=True),
        **{
            protocol: pl.Series(ranks).set(pl.Series(ranks == MISS), None)
            for protocol, ranks in evaluation.ranks.items()
        },
        "repeated": pl.Series(evaluation.repeated),
        "history": held_out.targets - held_out.starts,
    }
    metadata = {_FORMAT_KEY: str(FORMAT), _HEADER_KEY: header.model_dump_json()}
    # Into an open file: polars itself takes no path that is not UTF-8.
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        pl.DataFrame(columns, schema=_SCHEMA).write_parquet(file, metadata=metadata)


def read_ranks(path: Path) -> SavedRanks:
    """Read such a file.

    Raises:
        DataError: it is missing, not such a file, from a newer fearec, or holds what no ranks can be.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file of ranks; {_REMEDY}")
    try:
        metadata = pl.read_parquet_metadata(path)
        found = metadata.get(_FORMAT_KEY, "")
        if not found.isascii() or not found.isdigit() or len(found) > 9:
            raise DataError(f"{path}: is a Parquet file, but not one of ranks; {_REMEDY}")
        if int(found) > FORMAT:
            raise DataError(f"{path}: has format {found}, and this program reads up to {FORMAT}; upgrade fearec")
        header = Header.model_validate_json(metadata.get(_HEADER_KEY, ""))
        frame = pl.read_parquet(path, glob=False)
    except ValidationError as error:
        raise DataError(f"{path}: its description is damaged ({first_fault(error)}); {_REMEDY}") from None
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(f"{path}: is damaged or not a Parquet file ({str(error).splitlines()[0]}); {_REMEDY}") from None
    if problem := _problem(frame, header):
        raise DataError(f"{path}: {problem}; {_REMEDY}")
    ranks = {protocol: frame[protocol].fill_null(MISS).to_numpy() for protocol in _PROTOCOLS}
    return SavedRanks(path, header, frame["user"], frame["item"], frame["history"].to_numpy(), ranks)


def check_ranks_place(path: Path) -> None:
    """Check that such a file can be written there and replaces nothing else, before the work for it begins.

    Raises:
        OutputError: it is one.
    """
    if path == STANDARD_OUTPUT:
        raise OutputError("--save-ranks -: a Parquet file is not for a terminal; name a file")
    check_output(path, lambda _: _is_ours(path))


def _is_ours(path: Path) -> bool:
    try:
        return _FORMAT_KEY in pl.read_parquet_metadata(path)
    except (OSError, pl.exceptions.PolarsError):
        return False


def _problem(frame: pl.DataFrame, header: Header) -> str:
    """What is wrong with the rows; empty where nothing is."""
    if dict(frame.schema) != _SCHEMA:
        return f"its columns are not {', '.join(f'{name} ({dtype})' for name, dtype in _SCHEMA.items())}"
    if len(frame) != header.targets:
        return f"has {len(frame):,} rows, and its description names {header.targets:,} targets"
    if frame.drop("seen-masked").null_count().sum_horizontal().sum():
        return "a value is missing that only the rank under seen-masked may lack"
    if (frame["seen-masked"].is_null() != frame["repeated"]).any():
        return "the targets without a rank under seen-masked are not those that are repeated"
    for protocol in _PROTOCOLS:
        ranks = frame[protocol].drop_nulls()
        if len(ranks) and not ranks.is_between(1, header.items).all():
            return f"a rank under {protocol} lies outside 1 to {header.items:,}, the items of the catalogue"
    if frame.select("user", "history").is_duplicated().any():
        return "a target appears twice"
    return ""
