"""The user or history that an inspection is asked for."""

import difflib
from dataclasses import replace

from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import DataError
from fearec_cli.insight.inspection import Inspection
from fearec_cli.insight.user import view
from fearec_cli.runs.checkpoint import Checkpoint

_NEAREST = 5


def with_subject(
    inspection: Inspection, checkpoint: Checkpoint, prepared: Prepared, *, user: str | None, history: str | None
) -> Inspection:
    """The inspection with one user's view, where a user or a history is named.

    Args:
        inspection: what was measured of all.
        checkpoint: the model.
        prepared: its data set.
        user: raw id of a user of the data set.
        history: raw ids of items, separated by commas, oldest first.

    Raises:
        DataError: the user is unknown (names the nearest ids), or none of the items is.
    """
    if user is not None:
        row = _row_of(prepared, user)
        start, end = int(prepared.offsets[row]), int(prepared.offsets[row + 1])
        times = None if prepared.timestamps is None else prepared.timestamps[start:end]
        items = prepared.items[start:end].tolist()
        found = view(checkpoint.encoder, items, checkpoint.item_ids, inspection.branches, times)
        return replace(inspection, user=found)
    if history is not None:
        ids = {raw: row + 1 for row, raw in enumerate(checkpoint.item_ids)}
        given = [raw.strip() for raw in history.split(",")]
        known = [ids[raw] for raw in given if raw in ids]
        if not known:
            close = difflib.get_close_matches(given[0], ids, n=_NEAREST)
            hint = f"; the nearest are {', '.join(close)}" if close else ""
            raise DataError(f"--history {history[:100]}: the model knows none of these items{hint}")
        return replace(inspection, user=view(checkpoint.encoder, known, checkpoint.item_ids, inspection.branches))
    return inspection


def _row_of(prepared: Prepared, user: str) -> int:
    ids = prepared.user_ids()
    try:
        return ids.index(user)
    except ValueError:
        close = difflib.get_close_matches(user, ids, n=_NEAREST, cutoff=0.5)
        hint = f"; the nearest are {', '.join(close)}" if close else f"; ids look like {', '.join(ids[:_NEAREST])}"
        raise DataError(f"--user {user[:100]}: {prepared.name} has no such user{hint}") from None
