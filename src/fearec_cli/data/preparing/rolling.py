"""Several cuts of one log by time: the same two windows, rolled back, a data set for each.

The latest cut has the moments that are asked for, t1 and t2. Each one before it has both of them earlier by t2 - t1,
and ends where the next one's test part begins: what comes later is dropped before any other filter, so that it
does not decide what is kept. An interaction is tested in one cut at most.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from fearec_cli.data.prepared import Prepared
from fearec_cli.data.preparing.pipeline import open_source, prepare_source
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.data.preparing.steps import prepare_split
from fearec_cli.data.settings import Settings
from fearec_cli.errors import ConfigError, EmptyDataError

MOST = 100


def prepare_cuts(
    source: str,
    cuts: int,
    *,
    path: Path | None = None,
    out: Path | None = None,
    assignments: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any],
    force: bool = False,
    watcher: Watcher | None = None,
) -> list[tuple[Prepared, bool]]:
    """Prepare a source once for each cut, in OUT-cut-1, OUT-cut-2, ..., the earliest first.

    Args:
        source: as in `prepare_source`, and so are the others.
        cuts: how many, from 2.
        path: file to read.
        out: what the directories' names begin with.
        assignments: options of the source, as text.
        options: of the source, as values.
        settings: filters and split.
        force: replace what is there.
        watcher: follows the progress.

    Returns:
        Each data set, and whether it was written now.

    Raises:
        ConfigError: the split is not by time, its two boundaries are not of one kind, or so many cuts do not fit.
        FearecError: as in `prepare_source`.
    """
    if not 2 <= cuts <= MOST:
        raise ConfigError([f"--cuts {cuts}: give 2 to {MOST}; a single cut needs no --cuts"])
    assignments = list(assignments)
    opened = open_source(source, path=path, out=out, assignments=assignments, options=options, settings=settings)
    if opened.settings.split != "global-time":
        raise ConfigError([f"--cuts {cuts}: needs --split global-time"])
    steps = _steps(opened.settings, cuts)
    interactions, _ = prepare_split(opened.log, opened.settings, watcher)
    assert interactions.timestamps is not None  # a split by time has refused a log without
    bounds = [_moment(step, interactions.timestamps) for step in steps]
    found = []
    for number in range(1, cuts + 1):
        valid_from, test_from = bounds[number - 1 : number + 1]
        changes: dict[str, Any] = {"valid_from": valid_from, "test_from": test_from}
        if number < cuts:
            changes["until"] = bounds[number + 1].isoformat()
        try:
            prepared = prepare_source(
                source,
                path=path,
                out=cut_directory(opened.out, number),
                assignments=assignments,
                options=options,
                settings={**settings, **changes},
                force=force,
                watcher=watcher,
            )
        except EmptyDataError as error:
            raise EmptyDataError(f"cut {number} of {cuts}: {error}; or lower --cuts") from error
        found.append(prepared)
    return found


def cut_directory(out: Path, number: int) -> Path:
    """Where a cut lies, from 1."""
    return out.with_name(f"{out.name}-cut-{number}")


def _steps(settings: Settings, cuts: int) -> list[Any]:
    """The boundaries of all cuts, shares or times, in order: each is t1 of one cut, and t2 of the one before.

    Raises:
        ConfigError: t1 and t2 are a share and a time, or there is no room for so many.
    """
    start, end = settings.valid_from, settings.test_from
    if isinstance(start, float) and isinstance(end, float):
        steps = [round(start - (end - start) * place, 9) for place in range(cuts - 1, 0, -1)] + [start, end]
        if steps[0] <= 0:
            raise ConfigError(
                [
                    f"--cuts {cuts}: the first would be validated from the share {steps[0]:g} on; give fewer cuts, or "
                    "--valid-from and --test-from closer together"
                ]
            )
        return steps
    if isinstance(start, datetime) and isinstance(end, datetime):
        return [start - (end - start) * place for place in range(cuts - 1, 0, -1)] + [start, end]
    raise ConfigError([f"--cuts {cuts}: give --valid-from and --test-from as two shares, or as two times"])


def _moment(step: float | datetime, times: npt.NDArray[np.int64]) -> datetime:
    """A time, or that of the interaction at a share of all."""
    if isinstance(step, datetime):
        return step
    place = int(step * len(times))
    found = cast("int", np.partition(times, place)[place])
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(found))
