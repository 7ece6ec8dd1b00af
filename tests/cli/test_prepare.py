"""`fearec prepare` by hand and by accident: what it leaves, what it says, and what it never touches."""

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fearec_adapters.reading import blocks
from fearec_cli.cli.show import prepare_report
from fearec_cli.data import prepared
from fearec_cli.data.prepared import open_prepared
from fearec_cli.data.preparing import encoding, steps
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.errors import EmptyDataError
from support.commands import contents, done, fearec, refused, write_sequences

LOG = Path("log.csv")
ARGUMENTS = ("prepare", "csv", "--from", LOG, "--k-core", "0", "--out", "data/shop")


def write_log(users: int = 5, items: int = 4) -> None:
    rows = (f"u{user},i{item},{10**9 + 60 * item}\n" for user in range(users) for item in range(items))
    LOG.write_text("user,item,timestamp\n" + "".join(rows))


def printed(output: str) -> dict[str, str]:
    """Names and values of the lines that have both."""
    return dict(line.split("  ", 1) for line in output.splitlines() if "  " in line)


# --- nothing is done twice -----------------------------------------------------------------------------


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "_batches", lambda *_: pytest.fail("the log was read"))


def test_the_same_again_reads_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    write_log()
    done(*ARGUMENTS)
    before = contents(Path("data"))
    forbid_reading(monkeypatch)
    assert done(*ARGUMENTS).splitlines()[-1] == "already prepared: data/shop"
    lines = refused(*ARGUMENTS, "--min-length", "4")
    assert lines[0].startswith("data/shop: holds a data set that was prepared from other data or otherwise")
    assert contents(Path("data")) == before


def test_other_bytes_are_read_again_and_forced_ones_too() -> None:
    write_log()
    done(*ARGUMENTS)
    first = Path("data/shop").stat().st_ino
    assert done(*ARGUMENTS, "--force").splitlines()[-1] == "wrote data/shop"
    assert Path("data/shop").stat().st_ino != first
    # Other bytes and the same rows are the same data set.
    LOG.write_text(LOG.read_text() + "\n")
    assert done(*ARGUMENTS).splitlines()[-1] == "already prepared: data/shop"
    write_log(users=6)
    assert "use --force to replace it" in refused(*ARGUMENTS)[0]


def test_a_source_without_a_hash_is_prepared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    done("prepare", "demo", "--set", "demo.users=5")
    assert "already prepared" in done("prepare", "demo", "--set", "demo.users=5")
    forbid_reading(monkeypatch)
    assert "the log was read" in fearec("prepare", "demo", "--set", "demo.users=5").err


# --- the same everywhere -------------------------------------------------------------------------------


def test_the_fingerprint_hangs_on_no_thread_and_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(0)
    rows = (f"u{dice.randrange(900)},i{dice.randrange(300)},{10**9 + dice.randrange(99)}\n" for _ in range(30_000))
    LOG.write_text("user,item,timestamp\n" + "".join(rows))
    monkeypatch.setattr(blocks, "_BLOCK", 10_000)
    monkeypatch.setattr(encoding, "_BATCH", 1_000)
    choices = ("--deduplicate", "consecutive", "--max-users", "500", "--seed", "3", "--k-core", "20")
    source = ARGUMENTS[:4]
    done(*source, *choices, "--out", "data/shop")
    fingerprint = open_prepared(Path("data/shop")).fingerprint
    assert fingerprint == "5f372fd21ed6364603b1414b1a53fbfac8299375081be7fe3c430aaaf58a23d0"
    command = [sys.executable, "-c", "from fearec_cli.cli.main import main; main()", *map(str, source), *choices]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "7"}
    subprocess.run([*command, "--out", "data/other"], env=environment, check=True, capture_output=True)
    assert open_prepared(Path("data/other")).fingerprint == fingerprint


# --- dry run -------------------------------------------------------------------------------------------


def test_a_dry_run_tells_and_writes_nothing() -> None:
    write_log()
    output = done(*ARGUMENTS, "--dry-run", "--min-length", "2")
    assert not Path("data").exists()
    shown = {name.strip(): value.strip() for name, value in printed(output).items()}
    assert shown["source"].startswith("csv log.csv ")
    assert shown["columns"] == "user = user, item = item, timestamp = timestamp"
    assert shown["times"] == "read as s (recognised by magnitude), UTC"
    assert shown["output"] == "data/shop"
    assert (shown["in the source"], shown["of users long enough"], shown["users"]) == ("20", "20", "5")
    assert "all 20 rows of the source" in output
    assert output.splitlines()[-1] == "nothing was written (--dry-run)"


def test_a_dry_run_looks_at_the_first_rows_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_report, "_SAMPLE", 10)
    monkeypatch.setattr(blocks, "_BLOCK", 64)
    write_log()
    LOG.write_text(LOG.read_text() + "u9,i9,never\n")
    output = done(*ARGUMENTS, "--dry-run", "--min-length", "4")
    assert "of the first 10 rows of the source" in output
    assert "of users long enough  8" in output
    output = done(*ARGUMENTS, "--dry-run", "--min-length", "9")
    assert "no user has 9 interactions; lower --min-length (of the sample; the whole log may have more)" in output


def test_a_dry_run_names_a_bad_row_and_a_bad_option() -> None:
    write_log()
    LOG.write_text(LOG.read_text() + "u9,i9,never\n")
    assert "log.csv, line 22: the timestamp" in refused(*ARGUMENTS, "--dry-run")[0]
    assert "--since: " in refused(*ARGUMENTS, "--dry-run", "--since", "yesterday")[0]


def test_a_dry_run_says_what_stands_there() -> None:
    write_log()
    done(*ARGUMENTS)
    assert "data/shop (holds a data set already)" in done(*ARGUMENTS, "--dry-run")


# --- interrupted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [(steps, "in_core"), (prepared, "_write_arrays")], ids=["filtering", "writing"])
def test_an_interrupted_preparation_leaves_nothing(monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]) -> None:
    write_log()
    before = contents(Path())

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(*place, interrupt)
    result = fearec(*ARGUMENTS[:4], "--k-core", "2", "--out", "data/shop")
    assert result.code == 130
    assert "Traceback" not in result.err
    assert contents(Path()) == before


@pytest.mark.parametrize("standing", [False, True])
def test_what_a_killed_preparation_left_is_removed_by_the_next(standing: bool) -> None:
    write_log()
    if standing:
        done(*ARGUMENTS)
    code = (
        "import os, signal, sys\n"
        "from fearec_cli.cli.main import main\n"
        "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.argv = ['fearec', *sys.argv[1:]]\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, *map(str, ARGUMENTS), "--force"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    (left,) = [path for path in Path("data").iterdir() if path.name.startswith(".")]
    assert any(left.iterdir())
    done(*ARGUMENTS)
    assert [path.name for path in Path("data").iterdir()] == ["shop"]
    assert open_prepared(Path("data/shop")).n_users == 5


# --- where it may not write ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("out", "problem"),
    [
        ("mine", "mine: exists and is not a prepared data set; choose another place with --out"),
        ("log.csv", "log.csv: exists and is not a prepared data set; choose another place with --out"),
        ("log.csv/deep/shop", r"log.csv/deep/shop: cannot be written: "),
    ],
)
def test_a_place_that_is_taken(out: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_log()
    Path("mine").mkdir()
    Path("mine/letter.txt").touch()
    forbid_reading(monkeypatch)
    (line,) = refused(*ARGUMENTS[:6], "--out", out, "--force")
    assert line.startswith(problem)


def test_a_place_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    write_log()
    # The superuser may write anywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    (line,) = refused(*ARGUMENTS)
    assert line.startswith("data/shop: cannot be written: no permission to write in ")


# --- progress ------------------------------------------------------------------------------------------


def test_progress_is_silent_for_a_small_log_and_told_for_a_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    write_sequences(Path("log.txt"))
    arguments = ("prepare", "sequences", "--from", "log.txt", "--force")
    assert "rows/s" not in done(*arguments)
    monkeypatch.setattr("fearec_cli.cli.show.prepare_progress._SECONDS_BETWEEN_LINES", 0)
    lines = done(*arguments).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["read", "sorting", "writing"]
    assert lines[0].endswith("rows/s")


# --- round trip ----------------------------------------------------------------------------------------

Rows = st.lists(
    st.tuples(
        st.sampled_from(["u", "v w", "x,y", '"z"']),
        st.sampled_from(["a", "b", "007", "\U0001f600"]),
        st.integers(0, 5),
        st.sampled_from([1.0, 2.5, 5.0]),
    ),
    min_size=1,
    max_size=60,
)
Choices = st.fixed_dictionaries(
    {},
    optional={
        "min_rating": st.sampled_from([2.5, 3.0]),
        "since": st.sampled_from(["1970-01-01T00:00:01", "1970-01-01 00:00:02+00:00"]),
        "until": st.just("1970-01-01T00:00:05Z"),
        "deduplicate": st.sampled_from(["all", "consecutive"]),
        "user_core": st.integers(0, 3),
        "item_core": st.integers(0, 3),
        "min_length": st.integers(3, 5),
    },
)


def kept_by_loops(rows: list[tuple[str, str, int, float]], chosen: dict[str, Any]) -> list[tuple[str, str, int]]:
    """The rows that the filters keep, each user's in the order of time, users by their first row in the source."""
    since = {"1970-01-01T00:00:01": 1, "1970-01-01 00:00:02+00:00": 2}.get(chosen.get("since", ""), 0)
    until = 5 if "until" in chosen else 9
    left = [row for row in rows if row[3] >= chosen.get("min_rating", 0) and since <= row[2] < until]
    places = sorted(range(len(left)), key=lambda place: (left[place][2], place))
    if how := chosen.get("deduplicate"):
        seen, previous, stay = set(), {}, set()
        for place in places:
            user, item = left[place][:2]
            if (previous.get(user) != item) if how == "consecutive" else ((user, item) not in seen):
                stay.add(place)
            seen.add((user, item))
            previous[user] = item
        places = [place for place in places if place in stay]
    while True:
        users, items = Counter(left[place][0] for place in places), Counter(left[place][1] for place in places)
        enough = [
            place
            for place in places
            if users[left[place][0]] >= chosen.get("user_core", 0)
            and items[left[place][1]] >= chosen.get("item_core", 0)
        ]
        if enough == places:
            break
        places = enough
    places = [place for place in places if users[left[place][0]] >= chosen.get("min_length", 0)]
    first = {left[place][0]: place for place in sorted(places, reverse=True)}
    places.sort(key=lambda place: first[left[place][0]])
    return [left[place][:3] for place in places]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round")


@given(rows=Rows, chosen=Choices)
@settings(max_examples=60)
def test_no_row_is_lost_that_the_filters_keep(rows: list[Any], chosen: dict[str, Any], place: Path) -> None:
    log = place / "log.parquet"
    schema = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64, "stars": pl.Float64}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(log)
    expected = kept_by_loops(rows, chosen)
    lengths = Counter(user for user, _, _ in expected)
    try:
        found, _ = prepare_source(
            "parquet",
            path=log,
            out=place / "shop",
            assignments=["parquet.rating=stars"],
            settings={"k_core": 0, **chosen},
            force=True,
        )
    except EmptyDataError:
        # Leave-one-out needs three of every user, and four of one.
        assert not expected or min(lengths.values()) < 3 or max(lengths.values()) < 4
        return
    users, items = found.user_ids(), found.item_ids()
    assert found.timestamps is not None
    back = [
        (users[user], items[found.items[place] - 1], int(found.timestamps[place]) // 10**6)
        for user in range(found.n_users)
        for place in range(found.offsets[user], found.offsets[user + 1])
    ]
    assert back == expected
    assert items == list(dict.fromkeys(item for _, item, _ in expected))


def test_what_orders_the_log_is_said() -> None:
    lines = [f"u{user},i{place},2014-01-0{9 - place // 2}" for user in range(3) for place in range(8)]
    Path("log.csv").write_text("\n".join(["user,item,timestamp", *lines]))
    for arguments in (("--dry-run",), ()):
        printed = done("prepare", "csv", "--from", "log.csv", "--k-core", "0", *arguments)
        rows = dict(line.split("  ", 1) for line in printed.splitlines() if "  " in line)
        assert rows["ties"].strip() == (
            "24 interactions (100.0%) share their time with another of the same user, the last one of 3 users too: the "
            "order of the source decides"
        )
        assert rows["source order"].strip() == "newest first, and equal times are read as oldest first: change --order"
    recorded = json.loads(Path("data/csv/dataset.json").read_text())["ordering"]
    assert recorded == {"by": ["time"], "tied": 24, "tied_last": 3, "forward": 0, "backward": 9}
    Path("log.csv").write_text("\n".join(f"u{user},i{place}" for user in range(3) for place in range(8)))
    options = [f"csv.{option}" for option in ("header=false", "user=1", "item=2", "time=")]
    printed = done(
        "prepare",
        "csv",
        "--from",
        "log.csv",
        "--force",
        "--k-core",
        "0",
        *(part for o in options for part in ("--set", o)),
    )
    assert re.search(r"^ties +no times: a user's rows are taken as oldest first", printed, re.MULTILINE)
