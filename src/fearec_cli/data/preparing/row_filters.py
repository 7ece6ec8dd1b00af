"""The filters that look at more than one interaction, each as a mask of the rows that stay."""

import hashlib
from typing import Literal

import numpy as np
import polars as pl

from fearec_cli.data.preparing.coded_log import Mask, Rows, blocks


def without_repeats(rows: Rows, which: Literal["all", "consecutive"]) -> Mask:
    """Bool [T]: the rows that repeat nothing.

    Args:
        rows: the interactions.
        which: "all" keeps the earliest of repeated user-item pairs; "consecutive" drops an interaction whose
            user's previous one is of the same item. Of equal times the source's first row is the earlier.
    """
    mask = np.zeros(len(rows), dtype=np.bool_)
    for order in rows.sorted_blocks():
        users, items = rows.users[order], rows.items[order]
        if which == "consecutive":
            new = np.ones(len(order), dtype=np.bool_)
            new[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
            mask[order[new]] = True
        else:
            pairs = users.astype(np.int64) * len(rows.item_names) + items
            mask[order[np.unique(pairs, return_index=True)[1]]] = True
    return mask


def in_core(rows: Rows, user_core: int, item_core: int, among: Mask | None = None) -> Mask:
    """Bool [T]: the maximal set of rows in which every user and every item has enough of them.

    Drops users and items that have too few, again until none has. The set is unique, so the order in which
    they are dropped does not matter.

    Args:
        rows: the interactions.
        user_core: how many a user needs.
        item_core: how many an item needs.
        among: bool [T], the rows that the set is looked for in; all of them when None.
    """
    mask = np.ones(len(rows), dtype=np.bool_) if among is None else among.copy()
    users, items = rows.user_counts(mask), rows.item_counts(mask)
    while True:
        short_users, short_items = users < user_core, items < item_core
        dropped = 0
        for block in blocks(len(rows)):
            gone = (short_users[rows.users[block]] | short_items[rows.items[block]]) & mask[block]
            if count := int(np.count_nonzero(gone)):
                dropped += count
                mask[block][gone] = False
                np.subtract.at(users, rows.users[block][gone], 1)
                np.subtract.at(items, rows.items[block][gone], 1)
        if not dropped:
            return mask


def sampled_users(names: pl.Series, present: Mask, count: int, seed: int) -> Mask:
    """Bool [codes]: `count` of the users that are present, all of them if there are no more.

    The users whose SHA-256 of seed and id is least: the same ones on any machine, in any order.
    """
    codes = np.flatnonzero(present)
    if len(codes) > count:
        drawn = [hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names.gather(codes)]
        codes = codes[sorted(range(len(codes)), key=drawn.__getitem__)[:count]]
    wanted = np.zeros(len(names), dtype=np.bool_)
    wanted[codes] = True
    return wanted
