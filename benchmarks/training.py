"""Training speed beside RecBole, in one run: `python benchmarks/training.py data/beauty --recbole ENV/bin/python`.

Both train the released FEARec settings on the same data: batch 256, 50 positions, three views, both
dropouts .5. Ours is the loop of `fearec train` itself. Each round times a number of steps in a fresh process of
either, one after the other, so that other work on the machine slows both; the ratio is of each round. Without
`--recbole`, ours alone.

With `--device cuda` ours is measured as it is, launched piece by piece, and in bfloat16, over several batch sizes:

    python benchmarks/training.py data/beauty --device cuda --batch-sizes 256,1024,4096,16384 --steps 200 \
        --recbole ENV/bin/python

The environment of RecBole: `beside_recbole.py`.
"""

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from beside_recbole import load, measure, write_inter

# Steps that are not timed: memory is taken, and on a GPU the step is recorded in the fourth.
WARM_UP = 6


class Stopwatch:
    """Times steps and calls `done` after the last.

    On a GPU the host runs ahead: it is made to wait before the first step that is timed and after the last, and the
    mean counts; on a CPU the median.

    Args:
        steps: that are timed.
        device: cpu or cuda.
        done: ends the run.
    """

    def __init__(self, steps: int, device: str, done: Callable[[], None]) -> None:
        self._steps, self._device, self._done = steps, device, done
        self._taken = 0
        self._moments: list[float] = []

    def step_taken(self) -> None:
        """After each step."""
        import torch

        self._taken += 1
        if self._device == "cuda" and self._taken in (WARM_UP, WARM_UP + self._steps):
            torch.cuda.synchronize()
        if self._taken >= WARM_UP:
            self._moments.append(time.perf_counter())
        if self._taken == WARM_UP + self._steps:
            self._peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            if self._device == "cuda":
                self._peak = torch.cuda.max_memory_allocated() / 2**30
            self._done()

    def result(self) -> dict[str, float]:
        """Seconds of a step, and the peak memory in GiB: the GPU's where there is one, else the process's."""
        between = [later - earlier for earlier, later in zip(self._moments, self._moments[1:], strict=False)]
        seconds = statistics.mean(between) if self._device == "cuda" else statistics.median(between)
        return {"seconds": seconds, "gib": self._peak}


def ours(options: argparse.Namespace, batch_size: int, settings: list[str]) -> dict[str, float]:
    """Steps of `fearec train`: of its own loop, with all that it does besides validating."""
    from fearec_cli.components.registry import load_components
    from fearec_cli.config import load_recipe
    from fearec_cli.data.prepared import open_prepared
    from fearec_cli.training.loop import Trainer
    from fearec_cli.training.reporting import Reporter, Stop

    stop = Stop()

    class Listener(Reporter):
        watch = Stopwatch(options.steps, options.device, stop.request)

        def on_step(self, place: Any, steps: int, losses: Any, prefixes_per_second: float) -> None:
            self.watch.step_taken()

        def on_note(self, text: str) -> None:
            print(f"note: {text}", file=sys.stderr)

        def on_epoch(self, record: Any, *, best: bool) -> None:
            raise SystemExit("the data set has fewer steps than are to be timed: lower --steps or --batch-sizes")

    own = [f"training.batch_size={batch_size}", f"training.device={options.device}", "training.save_minutes=0"]
    registry = load_components()
    config = load_recipe(registry, preset=options.preset, assignments=[*own, *settings])
    listener = Listener()
    with tempfile.TemporaryDirectory() as directory:
        Trainer(config, open_prepared(options.dataset), Path(directory), listener).run(stop)
    return listener.watch.result()


def recbole(options: argparse.Namespace, batch_size: int, *, detect_anomaly: bool) -> dict[str, float]:
    """Steps of RecBole 1.2.1's FEARec or SASRec; runs in its environment, without fearec."""
    config, net, train, _ = load(options.dataset, options.preset, batch_size, options.device)
    import torch

    # Importing its sequential models turned anomaly detection on, for the whole process.
    torch.autograd.set_detect_anomaly(detect_anomaly)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    ended: list[bool] = []
    watch = Stopwatch(options.steps, options.device, lambda: ended.append(True))
    for batch in train:
        optimizer.zero_grad()
        net.train().calculate_loss(batch.to(config["device"])).backward()
        optimizer.step()
        watch.step_taken()
        if ended:
            break
    return watch.result()


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--preset", choices=["fearec", "sasrec"], default="fearec")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--recbole", help="Python of an environment with RecBole 1.2.1")
    parser.add_argument("--batch-sizes", default="256")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=["ours", "recbole", "recbole-anomaly"], help=argparse.SUPPRESS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME.OPTION=VALUE", help="of ours")
    options = parser.parse_args()
    if options.worker == "ours":
        print(json.dumps(ours(options, int(options.batch_sizes), options.set)))
    elif options.worker:
        detect_anomaly = options.worker == "recbole-anomaly"
        print(json.dumps(recbole(options, int(options.batch_sizes), detect_anomaly=detect_anomaly)))
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Alternate the contestants, round by round."""
    contestants: dict[str, tuple[str, list[str]]] = {"fearec": ("ours", [])}
    if options.device == "cuda":
        contestants["fearec, piece by piece"] = ("ours", ["training.capture=false"])
        contestants["fearec, bf16-mixed"] = ("ours", ['training.precision="bf16-mixed"'])
    if options.recbole:
        contestants["RecBole as shipped"] = ("recbole-anomaly", [])
        contestants["RecBole, anomaly detection off"] = ("recbole", [])
    print(
        "| | batch | prefixes/s | peak memory, GiB | times slower than fearec, round by round |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_inter(options.dataset, Path(temporary)) if options.recbole else options.dataset
        for batch_size in options.batch_sizes.split(","):
            common = ["--preset", options.preset, "--device", options.device]
            common += ["--batch-sizes", batch_size, "--steps", str(options.steps)]
            results: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
            for _ in range(options.rounds):
                for name, (worker, settings) in contestants.items():
                    own = [*options.set, *settings] if worker == "ours" else []
                    python, data = (sys.executable, options.dataset) if worker == "ours" else (options.recbole, folder)
                    given = [part for setting in own for part in ("--set", setting)]
                    results[name].append(measure(python, __file__, [str(data), *common, *given, "--worker", worker]))
            for name, rounds in results.items():
                speed = int(batch_size) / statistics.median(result["seconds"] for result in rounds)
                base = zip(rounds, results["fearec"], strict=True)
                shown = ", ".join(f"{result['seconds'] / first['seconds']:.1f}" for result, first in base)
                peak = max(result["gib"] for result in rounds)
                print(f"| {name} | {batch_size} | {speed:,.0f} | {peak:.2f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
