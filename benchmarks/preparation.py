"""Preparation of large logs: `python benchmarks/preparation.py`; with `--rows 10_000_000`, one of ten million.

Generates a log of text ids, users and items of uneven popularity, in no order of time, as Parquet and as csv, and
runs `fearec prepare` on each in a process of its own: whole command, hashing of the source and writing included. Then,
on `--pandas-rows` rows, the same steps by pandas, in turns with ours: read, 5-core, sort by user and time, number the
ids. Pandas writes nothing. The files go into a temporary directory (of `--directory`) and are removed.

100 million rows need 6 GiB of disk.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fearec_cli.api import lazy_log
from fearec_cli.data.manifest import read_manifest

CHUNK = 2_000_000
EVENTS_OF_A_USER, EVENTS_OF_AN_ITEM = 50, 200
START, PERIOD = 1_500_000_000, 3 * 365 * 86_400
K = 5


class Run(NamedTuple):
    """What a process took."""

    seconds: float
    cpu: float
    gib: float


def chunks(rows: int) -> Iterator[pl.DataFrame]:
    """The log, some rows at a time; the same for the same number of rows."""
    users = pl.select(pl.format("user-{}", pl.int_range(rows // EVENTS_OF_A_USER))).to_series()
    items = pl.select(pl.format("B{}", pl.int_range(rows // EVENTS_OF_AN_ITEM) + 10**8)).to_series()
    shares = [cumulative(len(users), 1.2), cumulative(len(items), 1.5)]
    for start in range(0, rows, CHUNK):
        size, dice = min(CHUNK, rows - start), np.random.default_rng(start)
        user, item = (np.searchsorted(share, dice.random(size)).astype(np.uint32) for share in shares)
        times = dice.integers(START, START + PERIOD, size)
        yield pl.DataFrame({"user": users.gather(user), "item": items.gather(item), "timestamp": times})


def cumulative(size: int, spread: float) -> npt.NDArray[np.float64]:
    """Where each of `size` users or items ends on a line of length 1: log-normal shares, the wider the less even."""
    ends: npt.NDArray[np.float64] = np.random.default_rng(size).lognormal(sigma=spread, size=size).cumsum()
    ends /= ends[-1]
    return ends


def generate(directory: Path, rows: int, kind: str) -> Path:
    """Write the log."""
    file = directory / f"log-{rows}.{kind}"
    frame = lazy_log(["user", "item", "timestamp"], lambda: chunks(rows))
    if kind == "parquet":
        frame.sink_parquet(file)
    else:
        frame.sink_csv(file)
    return file


def run(*command: str | Path) -> Run:
    """Run a command in a process of its own."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"failed: {command}")
    seconds = time.perf_counter() - begin
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)


def ours(file: Path, out: Path) -> Run:
    """`fearec prepare` of a file."""
    kind = file.suffix.removeprefix(".")
    code = "from fearec_cli.cli.main import main; main()"
    return run("-c", code, "prepare", kind, "--from", file, "--k-core", str(K), "--force", "--out", out)


def by_pandas(file: Path) -> None:
    """The same steps, all in memory."""
    import pandas as pd  # type: ignore[import-untyped]

    frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, dtype={"user": str, "item": str})
    while True:
        user, item = (frame[column].map(frame[column].value_counts()) for column in ("user", "item"))
        enough = (user >= K) & (item >= K)
        if enough.all():
            break
        frame = frame[enough]
    frame = frame.sort_values(["user", "timestamp"], kind="stable")
    print(len(frame), *(len(pd.factorize(frame[column])[1]) for column in ("user", "item")))


def table(*rows: tuple[str, ...]) -> None:
    """Print a Markdown table; the first row is the head."""
    for number, row in enumerate(rows):
        print("| " + " | ".join(row) + " |")
        if not number:
            print("|" + "---|" * len(row))
    print()


def measure(directory: Path, rows: int, kinds: list[str]) -> None:
    """One preparation of each kind of file."""
    lines = [("source", "rows", "kept", "size, GiB", "seconds", "rows/s", "CPU seconds", "peak memory, GiB")]
    for kind in kinds:
        file = generate(directory, rows, kind)
        took = ours(file, directory / "out")
        kept = read_manifest(directory / "out").counts.interactions
        size = file.stat().st_size / 2**30
        speed = f"{rows / took.seconds:,.0f}"
        figures = (f"{size:.2f}", f"{took.seconds:.1f}", speed, f"{took.cpu:.1f}", f"{took.gib:.2f}")
        lines.append((kind, f"{rows:,}", f"{kept:,}", *figures))
        file.unlink()
    table(*lines)


def compare(directory: Path, rows: int, kinds: list[str], rounds: int) -> None:
    """Beside pandas, in turns."""
    lines = [("source", "rows", "", "seconds", "CPU seconds", "peak memory, GiB", "times slower, round by round")]
    for kind in kinds:
        file = generate(directory, rows, kind)
        pairs = [
            (ours(file, directory / "out"), run(Path(__file__), "--pandas", file, "--directory", directory))
            for _ in range(rounds)
        ]
        for name, place in (("fearec prepare", 0), ("pandas", 1)):
            best = min((pair[place] for pair in pairs), key=lambda took: took.seconds)
            ratios = ", ".join(f"{pair[place].seconds / pair[0].seconds:.1f}" for pair in pairs)
            figures = (f"{best.seconds:.1f}", f"{best.cpu:.1f}", f"{best.gib:.2f}", ratios)
            lines.append((kind, f"{rows:,}", name, *figures))
        file.unlink()
    table(*lines)


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000, help="of the log that fearec alone prepares; 0: none")
    parser.add_argument("--pandas-rows", type=int, default=10_000_000, help="of the log of both; 0: none")
    parser.add_argument("--rounds", type=int, default=2, help="of the comparison")
    parser.add_argument("--formats", default="parquet,csv", help="parquet, csv or both")
    parser.add_argument("--directory", type=Path, help="where the temporary files go")
    parser.add_argument("--pandas", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.pandas:
        by_pandas(arguments.pandas)
        return
    with tempfile.TemporaryDirectory(dir=arguments.directory) as place:
        kinds = arguments.formats.split(",")
        if arguments.rows:
            measure(Path(place), arguments.rows, kinds)
        if arguments.pandas_rows:
            compare(Path(place), arguments.pandas_rows, kinds, arguments.rounds)


if __name__ == "__main__":
    main()
