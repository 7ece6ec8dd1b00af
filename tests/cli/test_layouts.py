"""Every raw format through `fearec prepare`: users, items, interactions and order as counted by hand."""

from pathlib import Path

import polars as pl
import pytest

from fearec_cli.data.prepared import open_prepared
from support.commands import done
from support.layouts import COUNTS, LAYOUTS, U_DATA, Layout


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_what_is_prepared_is_what_was_counted_by_hand(layout: Layout) -> None:
    Path(layout.name).write_bytes(layout.content)
    options = [part for option in layout.options for part in ("--set", option)]
    printed = done("prepare", layout.source, "--from", layout.name, "--k-core", "0", "--out", "shop", *options)
    rows = [line.split("  ", 1) for line in printed.splitlines() if "  " in line]
    table = {name.strip(): value.strip() for name, value in rows}
    assert table.items() >= {**COUNTS, **layout.counts, **layout.notes}.items()

    prepared = open_prepared(Path("shop"))
    assert prepared.manifest.notes.items() >= layout.notes.items()
    users, items = prepared.user_ids(), prepared.item_ids()
    found = {
        user: [items[item - 1] for item in prepared.items[start:end]]
        for user, start, end in zip(users, prepared.offsets[:-1], prepared.offsets[1:], strict=True)
    }
    ids = layout.ids
    assert found == {ids[user]: [ids[item] for item in sequence] for user, sequence in layout.sequences.items()}


def test_a_core_counted_by_hand() -> None:
    # Item e alone has one interaction; without it u3 still has three, and no other item loses any.
    Path("u.data").write_bytes(U_DATA)
    printed = done("prepare", "movielens-100k", "--from", "u.data", "--k-core", "2")
    table = {name.strip(): value.strip() for name, value in (row.split("  ", 1) for row in printed.splitlines()[:3])}
    assert table == {"users": "3", "items": "4", "interactions": "11"}


def test_a_user_with_a_million_events_beside_one_with_four() -> None:
    events = 1_000_000
    users = pl.Series(["busy"]).new_from_index(0, events).append(pl.Series(["calm"] * 4))
    items = (pl.int_range(events + 4, eager=True) % 1000).cast(pl.String)
    frame = pl.DataFrame({"user": users, "item": items, "timestamp": pl.int_range(events + 4, eager=True)})
    frame.write_parquet("log.parquet")
    printed = done("prepare", "parquet", "--from", "log.parquet", "--k-core", "0")
    assert "interactions    1,000,004" in printed
    assert open_prepared(Path("data/parquet")).offsets.tolist() == [0, events, events + 4]
