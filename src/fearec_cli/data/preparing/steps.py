"""From a log to numbered sequences: filter, order, give ids. Nothing is written or printed.

The log is read once, in batches; of its text only the ids stay in memory, once each, and of every interaction
16 bytes. The steps work on these in place.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fearec_cli.api import Log
from fearec_cli.data.interactions import Interactions
from fearec_cli.data.ordering import Ordering
from fearec_cli.data.preparing.coded_log import Rows, blocks, renumber
from fearec_cli.data.preparing.encoding import encode
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.data.preparing.row_filters import in_core, sampled_users, without_repeats
from fearec_cli.data.settings import Settings
from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut, resolve
from fearec_cli.errors import EmptyDataError


def prepare(log: Log, settings: Settings, watcher: Watcher | None = None) -> Interactions:
    """The interactions of `prepare_split`."""
    return prepare_split(log, settings, watcher)[0]


def prepare_split(
    log: Log, settings: Settings, watcher: Watcher | None = None
) -> tuple[Interactions, LeaveOneOut | GlobalTime]:
    """Filter a log, order each user's interactions, give ids from 1, and find what holds interactions out.

    Order: by time, and by row of the source where times are equal or absent.
    Ids: users in the order of their first remaining row in the source; items in the order in which they are
    first met when the users are walked in that order, each oldest first. A log that was numbered in this
    way keeps its ids.

    Args:
        log: the interactions.
        settings: the filters, which run in the order of its fields, and the split, whose shares are of what all
            filters leave; with `core_on` training, of what those before the core leave.
        watcher: receives the progress.

    Raises:
        DataError: the log has a bad row or breaks the contract of `fearec_cli.api.Log`.
        EmptyDataError: a filter leaves nothing, or a user is left with fewer interactions than the split
            needs.
    """
    watcher = watcher or Watcher()
    where = log.source.location
    rows = encode(log, settings, watcher)
    _drop_repeats(rows, settings, watcher)
    rule = resolve(settings, rows.times, where) if settings.core_on == "training" else None
    _keep_core(rows, settings, rule, where, watcher)
    _keep_users(rows, settings, rule, where, watcher)
    _check_lengths(rows, where, settings.shortest)
    rule = rule or resolve(settings, rows.times, where)
    watcher.on_stage("sorting")
    return _numbered(rows, watcher), rule


def ordered(log: Log) -> Interactions:
    """A whole log, each user's interactions in order; nothing is filtered.

    Raises:
        DataError: the log has a bad row or breaks the contract of `fearec_cli.api.Log`.
        EmptyDataError: it has no interactions.
    """
    return _numbered(encode(log, Settings(k_core=0), Watcher()), Watcher())


def _drop_repeats(rows: Rows, settings: Settings, watcher: Watcher) -> None:
    if settings.deduplicate != "none":
        watcher.on_stage("looking for repeats")
        rows.keep(without_repeats(rows, settings.deduplicate))
        watcher.on_kept(f"without repeats ({settings.deduplicate})", len(rows))


def _keep_core(
    rows: Rows, settings: Settings, rule: LeaveOneOut | GlobalTime | None, where: str, watcher: Watcher
) -> None:
    """Drop what is not in the core of the whole log, or of the training part where `rule` is given.

    Raises:
        EmptyDataError: nothing is left.
    """
    user_core, item_core = settings.cores
    if max(user_core, item_core) <= 1:
        return
    watcher.on_stage("looking for the core")
    if isinstance(rule, GlobalTime):
        core = in_core(rows, user_core, item_core, rows.before(rule.boundaries[0]))
        # The users and items of the core stay at all times.
        core = rows.of(rows.user_counts(core) > 0, rows.item_counts(core) > 0)
        step = "in the core of the training part"
    else:
        core, step = in_core(rows, user_core, item_core), "in the core"
    rows.keep(core)
    watcher.on_kept(step, len(rows))
    if not len(rows):
        raise EmptyDataError(f"{where}: {_empty_core(user_core, item_core)}; lower --k-core (0 turns it off)")


def _keep_users(
    rows: Rows, settings: Settings, rule: LeaveOneOut | GlobalTime | None, where: str, watcher: Watcher
) -> None:
    """Drop users with few interactions (in the training part, where `rule` is given), and those that are not drawn.

    Raises:
        EmptyDataError: nothing is left.
    """
    if settings.min_length > 1:
        counted = rows.before(rule.boundaries[0]) if isinstance(rule, GlobalTime) else None
        rows.keep(rows.of(rows.user_counts(counted) >= settings.min_length))
        watcher.on_kept("of users long enough", len(rows))
        if not len(rows):
            part = "" if counted is None else " in the training part"
            raise EmptyDataError(f"{where}: no user has {settings.min_length} interactions{part}; lower --min-length")
    if settings.max_users:
        wanted = sampled_users(rows.user_names, rows.user_counts() > 0, settings.max_users, settings.seed)
        rows.keep(rows.of(wanted))
        watcher.on_kept("of the sampled users", len(rows))


def _empty_core(user_core: int, item_core: int) -> str:
    if user_core == item_core:
        return (
            f"the {user_core}-core is empty: no set of users and items has {user_core} interactions each "
            f"among themselves"
        )
    return (
        f"the core is empty: no set of users and items has {user_core} interactions a user and {item_core} an item "
        f"among themselves"
    )


def _check_lengths(rows: Rows, where: str, shortest: int) -> None:
    lengths = rows.user_counts()
    short = np.flatnonzero((lengths > 0) & (lengths < shortest))
    if len(short):
        raise EmptyDataError(
            f"{where}: user {rows.user_names[int(short[0])]!r} has {lengths[short[0]]} "
            f"interactions left, and leave-one-out needs {shortest}; users with fewer: {len(short)}; "
            f"drop them by --min-length {shortest}, or by --k-core {shortest} or more"
        )


def _numbered(rows: Rows, watcher: Watcher) -> Interactions:
    """Final order and ids; takes the rows apart."""
    # Users in the order of their first row: sorted by this number, they are in the order of their ids.
    users = renumber(rows.users, len(rows.user_names))
    rows.user_names = rows.user_names.gather(users)
    offsets = np.concatenate([[0], np.cumsum(rows.user_counts())])
    items = np.empty(len(rows), dtype=np.int32)
    times = None if rows.times is None else np.empty(len(rows), dtype=np.int64)
    columns: dict[Literal["time", "count"], Any] = {"time": rows.times, "count": rows.orders}
    ordering = Ordering(by=tuple(name for name, column in columns.items() if column is not None))
    place = 0
    for order in rows.sorted_blocks():
        ordering = ordering.plus(**_counted(rows, order))
        end = place + len(order)
        items[place:end] = rows.items[order]
        if times is not None and rows.times is not None:
            times[place:end] = rows.times[order]
        place = end
    watcher.on_ordered(ordering)
    known = renumber(items, len(rows.item_names))
    for block in blocks(len(items)):
        items[block] += 1
    return Interactions(
        items=items,
        offsets=offsets,
        timestamps=times,
        raw_users=rows.user_names,
        raw_items=rows.item_names.gather(known),
    )


def _counted(rows: Rows, order: npt.NDArray[np.int64]) -> dict[str, int]:
    """The counts of an `Ordering`, of all interactions of some users in their order."""
    users = rows.users[order]
    same_user = users[1:] == users[:-1]
    equal = same_user.copy()
    for column in (rows.times, rows.orders):
        if column is not None:
            values = column[order]
            equal &= values[1:] == values[:-1]
    tied = np.zeros(len(order), dtype=np.bool_)
    tied[1:] |= equal
    tied[:-1] |= equal
    is_last = np.append(~same_user, True)[: len(tied)]
    forward, backward = _directions(rows, order)
    return {
        "tied": int(tied.sum()),
        "tied_last": int((tied & is_last).sum()),
        "forward": forward,
        "backward": backward,
    }


def _directions(rows: Rows, order: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Steps from a user's row to the user's next one in the source that go forward in time, and that go back."""
    column = rows.times if rows.times is not None else rows.orders
    if column is None or not len(order):
        return 0, 0
    source = np.sort(order)
    users = rows.users[source]
    # Of 16 bits, which NumPy sorts in linear time: a block has no more users.
    source = source[np.argsort((users - users.min()).astype(np.uint16), kind="stable")]
    users, values = rows.users[source], column[source]
    same_user = users[1:] == users[:-1]
    forward, backward = values[1:] > values[:-1], values[1:] < values[:-1]
    return int((same_user & forward).sum()), int((same_user & backward).sum())
