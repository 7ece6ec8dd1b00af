"""Recommendations written to a file as they come: parquet, jsonl or csv, whole or not at all."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fearec_cli.errors import ConfigError
from fearec_cli.serving.histories import History
from fearec_cli.serving.recommender import Recommendations
from fearec_cli.system.atomic import atomic_file

Write = Callable[[Sequence[History], Recommendations], None]
ENDINGS = (".parquet", ".jsonl", ".csv")
_NO_SCORE = np.zeros(1, dtype=np.float32)


def reason(history: Sequence[str], items: Sequence[str], unknown: int) -> str | None:
    """Why a history has no recommendation; None where it has some.

    Args:
        history: its items.
        items: recommended.
        unknown: how many items of the history the model does not know.
    """
    if items:
        return None
    if not history:
        return "empty history"
    return "no known item" if unknown == len(history) else "no candidate left"


def answers(histories: Sequence[History], found: Recommendations) -> Iterator[dict[str, Any]]:
    """A JSON object a history: user, items, scores, unknown items left out, and why there is nothing."""
    unknown = found.unknown.tolist()
    for history, items, scores, left_out in zip(histories, found.items, found.scores, unknown, strict=True):
        answer = {"user": history.user, "items": items, "scores": scores.tolist(), "unknown": left_out}
        why = reason(history.items, items, left_out)
        yield answer if why is None else {**answer, "reason": why}


@contextmanager
def writer(path: Path) -> Iterator[Write]:
    """What writes a block of answers; the file is there when the block of the statement ends well.

    parquet and csv have a row an item: user, rank from 1, item, score; a user without recommendations has one row with
    a reason. jsonl has a line a user.

    Raises:
        ConfigError: the ending is none of those.
        OutputError: it cannot be written.
    """
    if path.suffix not in ENDINGS:
        raise ConfigError([f"--out {path}: its ending names no format; there are {', '.join(ENDINGS)}"])
    with atomic_file(path) as temporary:
        if path.suffix == ".parquet":
            with _parquet(temporary) as write:
                yield write
        else:
            with temporary.open("w", encoding="utf-8", newline="") as file:
                yield _jsonl(file) if path.suffix == ".jsonl" else _csv(file)


def _rows(histories: Sequence[History], found: Recommendations) -> Iterator[Mapping[str, Any]]:
    for answer in answers(histories, found):
        if not answer["items"]:
            yield {"user": answer["user"], "rank": None, "item": None, "score": None, "reason": answer["reason"]}
        for rank, (item, score) in enumerate(zip(answer["items"], answer["scores"], strict=True), 1):
            yield {"user": answer["user"], "rank": rank, "item": item, "score": score, "reason": None}


def _jsonl(file: Any) -> Write:
    def write(histories: Sequence[History], found: Recommendations) -> None:
        file.writelines(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers(histories, found))

    return write


def _csv(file: Any) -> Write:
    table = csv.DictWriter(file, ["user", "rank", "item", "score", "reason"])
    table.writeheader()
    return lambda histories, found: table.writerows(_rows(histories, found))


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import polars as pl
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    schema = pa.schema(
        [
            ("user", pa.string()),
            ("rank", pa.int32()),
            ("item", pa.string()),
            ("score", pa.float32()),
            ("reason", pa.string()),
        ]
    )
    with pq.ParquetWriter(path, schema) as file:

        def write(histories: Sequence[History], found: Recommendations) -> None:
            answered = zip(histories, found.items, found.unknown.tolist(), strict=True)
            users = pl.DataFrame(
                {
                    "user": [history.user for history in histories],
                    "reason": [reason(history.items, items, unknown) for history, items, unknown in answered],
                },
                schema={"user": pl.String, "reason": pl.String},
            )
            counts = np.array([max(1, len(items)) for items in found.items])
            firsts = np.repeat(np.cumsum(counts) - counts, counts)
            best = [item for items in found.items for item in items or [""]]
            nothing = pl.col("reason").is_not_null()
            rows = users[np.repeat(np.arange(len(counts)), counts)].with_columns(
                rank=pl.when(~nothing).then(pl.Series(np.arange(1, len(firsts) + 1) - firsts, dtype=pl.Int32)),
                item=pl.when(~nothing).then(pl.Series(best, dtype=pl.String)),
                score=pl.when(~nothing).then(
                    np.concatenate([each if len(each) else _NO_SCORE for each in found.scores])
                ),
            )
            # pyarrow's own way from lists and arrays imports pandas where it is installed, .3 s.
            file.write_table(rows.select(schema.names).to_arrow().cast(schema))

        yield write
