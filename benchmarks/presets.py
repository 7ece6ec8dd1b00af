"""Every preset on one data set, the same seed and time: `python benchmarks/presets.py data/ml-100k --minutes 10`.

Prints a table in Markdown: test HR@10 and NDCG@10 under both protocols, training prefixes per second,
parameters. The time limit is of training alone; validation after each epoch comes on top.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import safe_open

from fearec_cli.config import preset_names


def fearec(*arguments: str) -> None:
    """Run the command line in a process of its own."""
    program = "from fearec_cli.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, stdout=subprocess.DEVNULL)


def row(preset: str, dataset: str, minutes: float, seed: int, directory: Path) -> str:
    """Train and evaluate one preset; its row of the table."""
    run, result = directory / preset, directory / f"{preset}.json"
    fearec(
        "train", dataset, "--preset", preset, "--time-limit", str(minutes), "--seed", str(seed), "--out", str(run)
    )  # fmt: skip
    fearec("evaluate", str(run / "best.safetensors"), dataset, "--json", str(result))
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return " | ".join([f"| {preset}", *scores(json.loads(result.read_text("utf-8"))["protocols"]), *cost(run, records)])


def scores(protocols: dict[str, dict[str, float]]) -> list[str]:
    """HR@10 and NDCG@10 under either protocol."""
    return [f"{protocols[name][metric]:.4f}" for name in ("unmasked", "seen-masked") for metric in ("HR@10", "NDCG@10")]


def cost(run: Path, records: list[dict[str, float]]) -> list[str]:
    """Epochs, prefixes a second over the whole training, and parameters."""
    prefixes, before = 0.0, 0.0
    for record in records:
        prefixes += record["prefixes_per_second"] * (record["seconds"] - before)
        before = record["seconds"]
    with safe_open(run / "best.safetensors", framework="np") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys() if name.startswith("model.")]  # noqa: SIM118
    parameters = sum(math.prod(shape) for shape in shapes)
    return [str(len(records)), f"{prefixes / before:,.0f}", f"{parameters:,} |"]


def main() -> None:
    """Run all presets, or those named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--presets", nargs="*", default=preset_names())
    parser.add_argument("--keep", type=Path, help="directory for the runs")
    options = parser.parse_args()
    print("| preset | HR@10 | NDCG@10 | HR@10, seen-masked | NDCG@10, seen-masked | epochs | prefixes/s | parameters |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for preset in options.presets:
            print(
                row(preset, options.dataset, options.minutes, options.seed, options.keep or Path(temporary)), flush=True
            )


if __name__ == "__main__":
    main()
