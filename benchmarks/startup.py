"""Time from the command to its first work, by stage: `python benchmarks/startup.py data/beauty`.

`fearec --help` is timed as a whole, and so is `fearec train` to the end of its first step; the stages of the
latter are those of the command, one after the other in a process of their own: each import is charged what it
loads first. Wall and CPU seconds are the best of some rounds, stage by stage, with the files in the system's cache.
"""

import argparse
import importlib
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HELP = "from fearec_cli.cli.main import main; main()"
IMPORTS = {
    "Python, and the command line": "fearec_cli.cli.main",
    "import torch": "torch",
    "import polars": "polars",
    "import the rest": "fearec_cli.cli.show.progress",
}


class FirstStepDoneError(Exception):
    """The first step is over."""


class OneStep:
    """A reporter that stops after the first step."""

    def on_step(self, *details: object) -> None:
        """The end."""
        raise FirstStepDoneError

    def on_epoch(self, *details: object, **more: object) -> None:
        """Never reached."""

    def on_note(self, note: str) -> None:
        """Nobody reads it."""


def measure(dataset: Path, started: float) -> dict[str, tuple[float, float]]:
    """Wall and CPU seconds of every stage; `started` is when the parent called this process, by `time.time`."""
    marks = [("", started, 0.0)]

    def mark(stage: str) -> None:
        marks.append((stage, time.time(), time.process_time()))

    for stage, module in IMPORTS.items():
        importlib.import_module(module)
        mark(stage)
    from fearec_cli.components.registry import load_components
    from fearec_cli.config import load_recipe
    from fearec_cli.data.prepared import open_prepared
    from fearec_cli.training.loop import Trainer
    from fearec_cli.training.reporting import Stop

    registry = load_components()
    mark("registry: import every plugin")
    config = load_recipe(registry, flags={"training.device": "cpu"})
    mark("configuration")
    prepared = open_prepared(dataset)
    mark("open the data")
    reporter: Any = OneStep()
    with tempfile.TemporaryDirectory() as directory:
        trainer = Trainer(config, prepared, Path(directory), reporter)
        mark("build: prefixes, parts tried one by one, weights, optimiser")
        try:
            trainer.run(Stop())
        except FirstStepDoneError:
            mark("first step, of 256 prefixes")
    return {
        stage: (wall - wall_before, cpu - cpu_before)
        for (_, wall_before, cpu_before), (stage, wall, cpu) in itertools.pairwise(marks)
    }


def seconds_to_help() -> float:
    """Of `fearec --help`."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", HELP, "--help"], check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.dataset, options.measure)))
        return
    rounds: list[dict[str, tuple[float, float]]] = []
    for _ in range(options.rounds):
        command = [sys.executable, __file__, str(options.dataset), "--measure", str(time.time())]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rounds.append(json.loads(out.splitlines()[-1]))
    print("| stage | wall, s | CPU, s |\n|---|---|---|")
    print(f"| `fearec --help`, whole | {min(seconds_to_help() for _ in range(options.rounds)):.2f} | |")
    wall, cpu = (min(sum(seconds[way] for seconds in one.values()) for one in rounds) for way in (0, 1))
    print(f"| `fearec train` to the end of the first step, whole | {wall:.2f} | {cpu:.2f} |")
    for stage in rounds[0]:
        wall, cpu = (min(one[stage][way] for one in rounds) for way in (0, 1))
        print(f"| - {stage} | {wall:.2f} | {cpu:.2f} |")


if __name__ == "__main__":
    main()
