"""Recommendations in bulk and one by one: `python benchmarks/serving.py runs/first/best.safetensors data/beauty`.

Bulk: the 20 best items of every user of the data set. `fearec recommend` from Parquet to Parquet is timed as a whole
process, torch's import included, from a table of histories and from a log. `Recommender.recommend` is timed alone
beside `full_sort_topk` of RecBole 1.2.1 (`--recbole ENV/bin/python`; its environment: `beside_recbole.py`) and
`recommend` of RecTools 0.19.0 (`--rectools ENV/bin/python`; `pip install 'rectools[torch]==0.19.0'`): a SASRec
of the same sizes on the same histories, each in a process of its own, one after the other in each round, so that other
work on the machine slows all. What a model has learned does not change its time: RecBole's has fresh weights, and
RecTools' has taken one step. RecBole leaves no item of the history out; the others do.

One by one: `fearec serve` is asked for one history at a time over one connection.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from beside_recbole import load, measure, write_inter

K = 20
# Users that RecBole scores at once; it looks them up by comparing each with every row, so more are slower.
RECBOLE_USERS = 1024
REQUESTS, WARM_UP = 400, 20


def timed(work: Callable[[], int]) -> dict[str, float]:
    """Users a second of the second of two calls, each of which gives the number of users."""
    work()
    wall, cpu = time.perf_counter(), time.process_time()
    users = work()
    return {
        "users": users,
        "seconds": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
    }


def ours(place: Path, checkpoint: str) -> dict[str, float]:
    """`Recommender.recommend`, in the blocks of `fearec recommend`."""
    import polars as pl

    from fearec_cli import Recommender
    from fearec_cli.serving.histories import BLOCK

    recommender = Recommender.load(checkpoint)
    histories = pl.read_parquet(place / "table.parquet")["items"].to_list()

    def work() -> int:
        for first in range(0, len(histories), BLOCK):
            recommender.recommend(histories[first : first + BLOCK], K)
        return len(histories)

    return timed(work)


def recbole(place: Path, checkpoint: str) -> dict[str, float]:
    """`full_sort_topk`, from internal ids to internal ids; runs in RecBole's environment, without fearec."""
    config, net, _, data = load(place / "benchmark", "sasrec", 256, "cpu")
    from recbole.utils.case_study import full_sort_topk

    users = data.dataset.inter_feat[data.dataset.uid_field].unique().tolist()

    def work() -> int:
        for first in range(0, len(users), RECBOLE_USERS):
            full_sort_topk(users[first : first + RECBOLE_USERS], net, data, K, config["device"])
        return len(users)

    return timed(work)


def rectools(place: Path, checkpoint: str) -> dict[str, float]:
    """`recommend` of its SASRec, from raw ids to raw ids; runs in RecTools' environment, without fearec."""
    import pandas as pd
    from pytorch_lightning import Trainer
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    log = pd.read_csv(place / "log.csv", dtype={"user": str, "item": str})
    log = log.rename(columns={"user": "user_id", "item": "item_id", "timestamp": "datetime"})
    log["datetime"], log["weight"] = pd.to_datetime(log["datetime"], unit="s"), 1.0
    data = Dataset.construct(log)

    def trainer(**_: object) -> Trainer:
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        return Trainer(max_steps=1, accelerator="cpu", devices=1, enable_model_summary=False, **quiet)

    model = SASRecModel(n_factors=64, n_blocks=2, n_heads=2, session_max_len=50, get_trainer_func=trainer)
    model.fit(data)
    users = log["user_id"].unique()

    def work() -> int:
        model.recommend(users=users, dataset=data, k=K, filter_viewed=True)
        return len(users)

    return timed(work)


WORKERS = {"ours": ours, "recbole": recbole, "rectools": rectools}


def write_histories(dataset: Path, place: Path) -> int:
    """The data as a table of histories and as a log in order of time, and the number of users."""
    import numpy as np
    import polars as pl

    from fearec_cli.data.prepared import open_prepared

    prepared = open_prepared(dataset)
    sizes = np.diff(prepared.offsets)
    users = np.repeat(np.arange(prepared.n_users), sizes)
    at = np.arange(len(users)) - np.repeat(prepared.offsets[:-1], sizes)
    names = pl.Series(prepared.item_ids())
    items = names.gather(np.asarray(prepared.items, dtype=np.int64) - 1)
    log = pl.DataFrame({"user": users.astype(str), "item": items, "timestamp": 1_300_000_000 + at * 86_400})
    log.group_by("user", maintain_order=True).agg(items="item").write_parquet(place / "table.parquet")
    log = log.sort("timestamp", maintain_order=True)
    log.write_parquet(place / "log.parquet")
    log.write_csv(place / "log.csv")  # for RecTools, whose NumPy no recent pyarrow takes
    return prepared.n_users


def whole_process(checkpoint: str, users: Path, out: Path) -> dict[str, float]:
    """`fearec recommend` from Parquet to Parquet: wall and CPU seconds of the process."""
    command = [sys.executable, "-m", "fearec_cli", "recommend", checkpoint, "--users", str(users), "--k", str(K)]
    before, wall = os.times(), time.perf_counter()
    subprocess.run([*command, "--device", "cpu", "--out", str(out), "--force"], check=True, capture_output=True)
    seconds, after = time.perf_counter() - wall, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"seconds": seconds, "cpu": cpu}


def latency(checkpoint: str, place: Path) -> list[float]:
    """Seconds of each request for one history at a running service."""
    import polars as pl

    histories = pl.read_parquet(place / "table.parquet", n_rows=REQUESTS)["items"].to_list()
    command = [sys.executable, "-m", "fearec_cli", "serve", checkpoint, "--port", "0", "--device", "cpu"]
    service = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert service.stdout is not None  # it was asked for
        lines = iter(service.stdout.readline, "")
        port = next(int(found[1]) for line in lines if (found := re.search(r"http://[^:]+:(\d+)", line)))
        connection, spent = HTTPConnection("127.0.0.1", port), []
        for history in histories:
            body = json.dumps({"history": history, "k": K})
            begin = time.perf_counter()
            connection.request("POST", "/recommend", body, {"Content-Type": "application/json"})
            reply = connection.getresponse()
            reply.read()
            spent.append(time.perf_counter() - begin)
            if reply.status != 200:
                raise SystemExit(f"the service answers {reply.status}")
        return spent[WARM_UP:]
    finally:
        service.terminate()
        service.wait()


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--recbole", help="Python of an environment with RecBole 1.2.1")
    parser.add_argument("--rectools", help="Python of an environment with RecTools 0.19.0")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=list(WORKERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(WORKERS[options.worker](options.dataset, options.checkpoint)))
        return
    checkpoint = str(Path(options.checkpoint).absolute())
    pythons = {"ours": sys.executable, "recbole": options.recbole, "rectools": options.rectools}
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        users = write_histories(options.dataset, place)
        if options.recbole:
            write_inter(options.dataset, place)
        print("| `fearec recommend`, whole process | users/s, round by round | CPU seconds |\n|---|---|---|")
        for name in ("table", "log"):
            rounds = [
                whole_process(checkpoint, place / f"{name}.parquet", place / "out.parquet")
                for _ in range(options.rounds)
            ]
            rates = ", ".join(f"{users / each['seconds']:,.0f}" for each in rounds)
            spent = ", ".join(f"{each['cpu']:.1f}" for each in rounds)
            print(f"| from a {name} | {rates} | {spent} |", flush=True)
        found: dict[str, list[dict[str, float]]] = {name: [] for name, python in pythons.items() if python}
        for _ in range(options.rounds):
            for name in found:
                arguments = [checkpoint, str(place), "--worker", name]
                found[name].append(measure(str(pythons[name]), __file__, arguments))
        print("\n| the call alone | users/s | times slower than fearec, round by round | by CPU seconds |")
        print("|---|---|---|---|")
        for name, rounds in found.items():
            rate = statistics.median(each["users"] / each["seconds"] for each in rounds)
            pairs = list(zip(rounds, found["ours"], strict=True))
            slower = {
                by: ", ".join(f"{each[by] / each['users'] / base[by] * base['users']:.1f}" for each, base in pairs)
                for by in ("seconds", "cpu")
            }
            print(f"| {name} | {rate:,.0f} | {slower['seconds']} | {slower['cpu']} |")
        waits = sorted(1000 * seconds for seconds in latency(checkpoint, place))
    at = {name: waits[int(share * len(waits))] for name, share in (("median", 0.5), ("95 %", 0.95), ("99 %", 0.99))}
    print(f"\n`fearec serve`, one history: {', '.join(f'{name} {value:.1f} ms' for name, value in at.items())}")


if __name__ == "__main__":
    main()
