"""A split by time from end to end, and every way in which it can leave nothing."""

import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from fearec_cli.data.prepared import open_prepared
from support.commands import TINY, agree, description, done, refused

SASREC = ("--preset", "sasrec", *TINY)
GLOBAL = ("--split", "global-time")
# 40 users, who come one a day and buy an item a day of a cycle of 12 for 10 days: days 0 to 48.
ROWS = [(f"u{user}", f"i{(user + day) % 12}", user + day) for user in range(40) for day in range(10)]


def write_csv(rows: Iterable[tuple[str, str, int]] = ROWS) -> tuple[str, ...]:
    """A log of days since 1970, and the arguments that prepare it."""
    lines = "".join(f"{user},{item},{86_400 * day}\n" for user, item, day in rows)
    Path("log.csv").write_text("user,item,timestamp\n" + lines)
    return ("csv", "--from", "log.csv", "--k-core", "0", "--set", "csv.unit=s")


def rows_of(printed: str) -> dict[str, str]:
    """The names and values that `prepare` prints."""
    return dict(re.split(r"  +", line, maxsplit=1) for line in printed.splitlines() if "  " in line)


def test_from_a_log_to_numbers() -> None:
    arguments = (*write_csv(), *GLOBAL, "--valid-from", "1970-01-31", "--test-from", "1970-02-05", "--target", "all")
    printed = rows_of(done("prepare", *arguments, "--out", "data/shop"))
    # Day 30 is 1970-01-31: 1 of 30 users who came by then has no second day before it.
    assert printed["split"] == (
        "global-time, valid from 1970-01-31T00:00:00Z, test from 1970-02-05T00:00:00Z, target all, cold drop"
    )
    assert printed["train period"] == "1970-01-01T00:00:00Z to 1970-01-30T00:00:00Z, 255 interactions"
    assert printed["train prefixes"] == "225"
    assert printed["valid period"] == "1970-01-31T00:00:00Z to 1970-02-04T00:00:00Z, 50 interactions"
    assert printed["test period"] == "1970-02-05T00:00:00Z to 1970-02-18T00:00:00Z, 95 interactions"
    # Users 30 to 34 come during validation, and have 5 + 4 + 3 + 2 + 1 of its interactions.
    assert (printed["valid"], printed["valid cold"]) == (
        "35",
        "15 targets of users and 0 with items that training never met, 15 dropped",
    )
    assert printed["test"] == str(sum(max(0, user + 10 - 35) for user in range(30)))

    done("train", "shop", *SASREC, "--max-steps", "3", "--out", "runs/shop")
    best = Path("runs/shop/best.safetensors")
    rule = {
        "rule": "global-time",
        "valid_from": "1970-01-31T00:00:00Z",
        "test_from": "1970-02-05T00:00:00Z",
        "target": "all",
        "cold": "drop",
        "seed": 0,
    }
    assert description(best)["split"] == rule
    table = done("evaluate", best, "--device", "cpu", "--split", "valid", "--json", "result.json")
    assert "shop, valid, 35 targets of 9 users" in table
    result = json.loads(Path("result.json").read_text())
    assert (result["split"], result["rule"]) == ("valid", rule)
    assert (result["targets"], result["users"]) == (35, 9)
    assert result["cold"] == {"users": 15, "items": 0, "dropped": 15}


def test_all_that_training_saw_is_earlier_than_validation() -> None:
    done("prepare", *write_csv(), *GLOBAL, "--out", "data/shop")
    prepared = open_prepared(Path("data/shop"))
    assert prepared.timestamps is not None
    targets = prepared.split.training_targets()
    assert np.max(prepared.timestamps[targets.targets]) < np.min(prepared.timestamps[prepared.split.valid.targets])
    # By default the shares are .8 and .9 of 400 interactions: those at places 320 and 360 in the order of time.
    days = sorted(day for _, _, day in ROWS)
    record = json.loads(Path("data/shop/dataset.json").read_text())
    assert [record["settings"][name] for name in ("valid_from", "test_from")] == [0.8, 0.9]
    assert [int(record["split"][name][8:10]) for name in ("valid_from", "test_from")] == [
        days[320] + 1 - 31,
        days[360] + 1 - 31,
    ]


def test_another_split_is_another_data_set() -> None:
    csv = write_csv()
    done("prepare", *csv, *GLOBAL, "--out", "data/by-time")
    assert "already prepared" in done("prepare", *csv, *GLOBAL, "--out", "data/by-time")
    agree(refused("prepare", *csv, "--out", "data/by-time"), "holds a data set that was prepared .*otherwise")
    done("prepare", *csv, "--out", "data/by-user")
    done("train", "by-time", *SASREC, "--max-steps", "2", "--out", "runs/by-time")
    agree(
        refused("evaluate", "runs/by-time/best.safetensors", "by-user"),
        r"another data set .*: it was split by global-time, .*, and this one by leave-one-out$",
    )


REFUSED = {
    "a boundary that is none": (
        (*GLOBAL, "--valid-from", "soon"),
        r'--valid-from: .*must be a share of the interactions such as 0\.8, or a UTC time .*, not "soon"',
    ),
    "boundaries out of order": ((*GLOBAL, "--valid-from", "0.95"), "--valid-from must come before --test-from"),
    "options of the other split": (("--target", "all"), "--target needs --split global-time"),
    "nothing to train on": (
        (*GLOBAL, "--valid-from", "1970-01-02", "--test-from", "1970-01-09"),
        r"log\.csv: no user has 2 interactions before 1970-01-02.*; move --valid-from to a later time",
    ),
    "nothing to validate": (
        (*GLOBAL, "--valid-from", "1970-01-02T01", "--test-from", "1970-01-02T02"),
        r"log\.csv: no interaction is left for validation .*move --valid-from to an earlier time or --test-from",
    ),
    "nothing to test": (
        (*GLOBAL, "--valid-from", "1970-01-20", "--test-from", "1971-01-01"),
        r"log\.csv: no interaction is left for test .*; move --test-from to an earlier time",
    ),
    "only cold targets": (
        (*GLOBAL, "--valid-from", "1970-01-03", "--test-from", "1970-02-10"),
        r"log\.csv: no target is left for validation .*: 38 targets of users and 34 with items .*, 40 dropped; "
        "--cold count keeps them, or move --valid-from to an earlier time",
    ),
}


@pytest.mark.parametrize(("arguments", "problem"), REFUSED.values(), ids=REFUSED)
def test_refusals(arguments: tuple[str, ...], problem: str) -> None:
    agree(refused("prepare", *write_csv(), *arguments), problem)
    assert not Path("data").exists()


def test_sessions_that_begin_after_the_cut_are_kept_while_new_items_are_not() -> None:
    rows = [(f"s{session}", f"i{(session + step) % 12}", session) for session in range(100) for step in range(3)]
    rows += [("late", "i0", 99), ("late", "new", 99)]
    arguments = (*write_csv(rows), *GLOBAL, "--out", "data/sessions")
    agree(refused("prepare", *arguments), r"no target is left for validation .*--cold count|drop-items keeps them")
    printed = rows_of(done("prepare", *arguments, "--cold", "drop-items"))
    assert (int(printed["valid"]), int(printed["test"])) == (10, 10)
    assert printed["test cold"] == "11 targets of users and 1 with items that training never met, 1 dropped"
    printed = rows_of(done("prepare", *arguments, "--cold", "count", "--force"))
    assert int(printed["test"]) == 11


def test_a_random_target_of_each_user() -> None:
    arguments = (*write_csv(), *GLOBAL, "--cold", "count", "--target", "random")
    for seed in ("0", "1"):
        done("prepare", *arguments, "--seed", seed, "--out", f"data/{seed}")
    splits = [open_prepared(Path(f"data/{seed}")).split for seed in (0, 1)]
    one, other = (dict(zip(split.test.users, split.test.targets, strict=True)) for split in splits)
    assert one != other
    firsts, ends = splits[0].bounds("test")
    assert all(firsts[user] <= target < ends[user] for user, target in one.items())
    assert str(splits[1].rule).endswith("target random (seed 1), cold count")


def test_cuts_roll_back_and_no_interaction_is_tested_twice() -> None:
    arguments = (*write_csv(), *GLOBAL, "--cold", "count", "--target", "all")
    printed = done("prepare", *arguments, "--cuts", "3", "--out", "data/shop")
    assert printed.count("wrote data/shop-cut-") == 3
    done("prepare", *arguments, "--out", "data/plain")
    cuts = [open_prepared(Path(f"data/shop-cut-{number}")) for number in (1, 2, 3)]
    plain = open_prepared(Path("data/plain"))
    assert cuts[2].split.rule.boundaries == plain.split.rule.boundaries
    days = sorted(86_400 * 10**6 * day for _, _, day in ROWS)
    assert [cut.split.rule.boundaries for cut in cuts] == [
        (days[240], days[280]),
        (days[280], days[320]),
        (days[320], days[360]),
    ]
    tested = []
    for cut in cuts:
        assert cut.timestamps is not None
        tested.append(cut.timestamps[cut.split.test.targets])
    for earlier, later in itertools.pairwise(tested):
        assert earlier.max() < later.min()
    assert "already prepared: data/shop-cut-2" in done("prepare", *arguments, "--cuts", "3", "--out", "data/shop")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--cuts", "3"), "--cuts 3: needs --split global-time"),
        ((*GLOBAL, "--cuts", "1"), "--cuts 1: give 2 to 100"),
        ((*GLOBAL, "--cuts", "9"), "--cuts 9: the first would be validated from the share 0 on"),
        ((*GLOBAL, "--cuts", "2", "--valid-from", "1970-01-20"), "as two shares, or as two times"),
        ((*GLOBAL, "--cuts", "2", "--dry-run"), "--dry-run: tries one cut"),
        (
            (*GLOBAL, "--cuts", "9", "--valid-from", "1970-01-21", "--test-from", "1970-01-25"),
            "^cut 1 of 9: .*; or lower --cuts",
        ),
    ],
    ids=str,
)
def test_cuts_that_do_not_fit(options: tuple[str, ...], problem: str) -> None:
    agree(refused("prepare", *write_csv(), *options), problem)


def test_a_log_without_times() -> None:
    Path("log.txt").write_text("u a b c d\nv a b c d\n")
    agree(
        refused("prepare", "sequences", "--from", "log.txt", *GLOBAL),
        r"log\.txt: has no times, and --split global-time needs them; .*--split leave-one-out",
    )
