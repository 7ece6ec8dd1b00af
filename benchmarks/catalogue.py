"""Cost of a step and of an evaluation by the size of the catalogue: `python benchmarks/catalogue.py`.

The released FEARec settings (three views, batch 256, 50 positions, 64 units, Adam) on generated data: histories
of 12 items, drawn uniformly. A step is timed with `ce` in blocks as `fearec train` has it, with `ce` over the
whole product (torch's `cross_entropy`, left out where its scores would not fit in 6 GiB), and with
`sampled-softmax`; an evaluation ranks 2,048 users under both protocols. Every figure comes from a process
of its own: wall and CPU seconds are the best of some, memory is the process's peak.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

SIZES = (10_000, 100_000, 1_000_000)
WAYS = ("ce", "ce whole", "sampled-softmax", "evaluate")
BATCH, HISTORY, EVALUATED = 256, 12, 2048
# What torch's loss holds of the scores at once: the scores, their logarithms, and a gradient of each.
COPIES, MOST_BYTES = 4, 6 * 2**30


def measure(way: str, n_items: int, rounds: int, threads: int) -> dict[str, float]:
    """Best wall and CPU seconds of a step, or of an evaluation, and the peak memory of this process in GiB."""
    import torch

    from fearec_cli.components.registry import load_components
    from fearec_cli.config import load_recipe
    from fearec_cli.data.batches import InteractionTable
    from fearec_cli.kernels.allocator import keep_freed_memory
    from fearec_cli.model.build import build_encoder

    keep_freed_memory()  # as a run does
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    registry = load_components()
    loss = "sampled-softmax" if way == "sampled-softmax" else "ce"
    config = load_recipe(registry, preset="fearec", flags={"loss": f"{loss}+0.1*contrast+0.1*spectral"})
    prepared = generated(n_items, EVALUATED)
    table = InteractionTable.load(prepared, torch.device("cpu"))
    encoder = build_encoder(config, n_items)
    if way == "evaluate":
        run = evaluation(encoder, table, prepared)
    else:
        if way == "ce whole":
            score_whole()
        run = step(config, registry, encoder, table, prepared)
    wall, cpu = (min(seconds) for seconds in zip(*(timed(run) for _ in range(rounds)), strict=True))
    return {"wall": wall, "cpu": cpu, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def generated(n_items: int, users: int) -> Any:
    """A prepared data set in memory."""
    import numpy as np
    import polars as pl

    from fearec_cli.data.interactions import Interactions
    from fearec_cli.data.prepared import Prepared
    from fearec_cli.data.split_rules import LeaveOneOut

    interactions = Interactions(
        items=np.random.default_rng(0).integers(1, n_items + 1, users * HISTORY, dtype=np.int32),
        offsets=np.arange(users + 1, dtype=np.int64) * HISTORY,
        timestamps=None,
        raw_users=pl.Series(np.arange(users)),
        raw_items=pl.Series(np.arange(n_items)),
    )
    manifest: Any = SimpleNamespace(name="generated", fingerprint="", split=LeaveOneOut())
    return Prepared(Path("nowhere"), manifest, interactions)


def step(config: Any, registry: Any, encoder: Any, table: Any, prepared: Any) -> Callable[[], object]:
    """A step of training."""
    import torch

    from fearec_cli.data.batches import TrainingPrefixes
    from fearec_cli.training.objective import Objective

    prefixes = TrainingPrefixes(table, prepared, config.model.max_length, config.model.padding)
    objective, draws = Objective(config), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(encoder.train().parameters(), lr=config.training.learning_rate, fused=True)
    batches = prefixes.epoch(BATCH, draws)

    def run() -> None:
        loss, _ = objective(encoder, prefixes, next(batches), draws)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return run


def evaluation(encoder: Any, table: Any, prepared: Any) -> Callable[[], object]:
    """An evaluation of all users."""
    from fearec_cli.evaluation.evaluate import evaluate

    encoder.eval()
    return lambda: evaluate(encoder, table, prepared.split.held_out("test"))


def score_whole() -> None:
    """Put torch's loss over the whole product in the place of the blocks."""
    from torch.nn import functional

    from fearec_plugins.losses import ce

    ce.cross_entropy = lambda rows, items, targets: functional.cross_entropy(rows @ items.T, targets)


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def row(n_items: int, rounds: int, threads: int) -> str:
    """One line of the table, each figure from a process of its own."""
    cells = [f"{n_items:,}"]
    for way in WAYS:
        if way == "ce whole" and COPIES * BATCH * n_items * 4 > MOST_BYTES:
            cells.append("does not fit")
            continue
        command = [sys.executable, __file__, "--measure", way, str(n_items), str(rounds), str(threads)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        result = json.loads(out.splitlines()[-1])
        cells.append(f"{result['wall']:.2f} s ({result['cpu']:.2f}), {result['gib']:.2f} GiB")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--items", type=int, nargs="*", default=SIZES)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        way, *numbers = options.measure
        print(json.dumps(measure(way, *map(int, numbers))))
        return
    print("Wall seconds (CPU seconds), peak memory:\n")
    print(f"| items | step, `ce` in blocks | step, `ce` whole | step, `sampled-softmax` | {EVALUATED:,} users ranked |")
    print("|---|---|---|---|---|")
    for n_items in options.items:
        print(row(n_items, options.rounds, options.threads), flush=True)


if __name__ == "__main__":
    main()
