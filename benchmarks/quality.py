"""How well models learn, and how soon: presets x data sets x seeds, as one sweep that goes on where it was cut.

    python benchmarks/quality.py run --data data --sets beauty --entries sasrec-causal fearec-causal --seeds 42 43
    python benchmarks/quality.py run --data data --sets demo ml-100k --entries sasrec-causal --minutes 3
    python benchmarks/quality.py tables

`run` trains one model after another and appends a line for each to benchmarks/quality.jsonl; a run that is there
already is left out, and one that was interrupted goes on. `tables` writes the tables and the picture of
docs/results.md from that file.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import quality_tables

HERE = Path(__file__).parent
RESULTS = HERE / "quality.jsonl"

# The arguments of `fearec train` that make each entry, in the order of the tables.
ENTRIES: dict[str, list[str]] = {
    "sasrec-causal": ["--preset", "sasrec-causal"],
    "fearec-causal": ["--preset", "fearec-causal"],
    "tv-rec": ["--preset", "tv-rec"],
    "tv-rec, recipe of sasrec-causal": ["--preset", "sasrec-causal", "--attention", "identity", "--filter",
                                        "position-fir", "--fusion", "residual"],
    "no mixing": ["--preset", "sasrec-causal", "--attention", "identity", "--fusion", "residual"],
    "shared FIR of 16 taps": ["--preset", "sasrec-causal", "--attention", "identity", "--filter", "shared-fir",
                              "--fusion", "residual"],
    "fearec-causal, attention alone": ["--preset", "fearec-causal", "--set", "mix.gamma=1"],
    "fearec-causal, auto-correlation alone": ["--preset", "fearec-causal", "--set", "mix.gamma=0"],
    "fearec-causal, no filter": ["--preset", "fearec-causal", "--filter", "none"],
    "fearec-causal, learned ramp": ["--preset", "fearec-causal", "--filter", "causal-ramp"],
    "sasrec-causal, absolute positions": ["--preset", "sasrec-causal", "--set", "model.positions=absolute"],
    "sasrec-causal, no positions": ["--preset", "sasrec-causal", "--set", "model.positions=none"],
    "sasrec-causal, no repeat scores": ["--preset", "sasrec-causal", "--set", "model.repeats=none"],
    "sasrec-causal, hard targets": ["--preset", "sasrec-causal", "--set", "ce.smoothing=0", "--set", "ce.ahead=0"],
    "sasrec-causal, no average": ["--preset", "sasrec-causal", "--set", "training.ema=0"],
    "sasrec-causal, dropout .3": ["--preset", "sasrec-causal", "--set", "model.hidden_dropout=0.3", "--set",
                                  "model.attention_dropout=0.3"],
    "sasrec-causal, d 128": ["--preset", "sasrec-causal", "--set", "model.dim=128", "--set", "model.inner=512",
                             "--learning-rate", "1e-3"],
    "sasrec-causal, contrast with a memory": ["--preset", "sasrec-causal", "--loss", "ce+0.1*memory-contrast"],
    "sasrec-causal, norm before": ["--preset", "sasrec-causal", "--set", "model.norm=pre"],
    "sasrec, every position": ["--preset", "sasrec", "--set", "training.targets=all"],
    "sasrec, every position, relative": ["--preset", "sasrec", "--set", "training.targets=all", "--set",
                                         "model.positions=relative"],
    "sasrec": ["--preset", "sasrec"],
    "bsarec": ["--preset", "bsarec"],
    "duorec": ["--preset", "duorec"],
    "wearec": ["--preset", "wearec"],
    "fearec": ["--preset", "fearec"],
    "fearec, spectra of true length": ["--preset", "fearec", "--set", "model.spectrum=true-length"],
    "fearec, cyclic padding": ["--preset", "fearec", "--set", "model.fill=cyclic"],
    "fearec-survey": ["--preset", "fearec-survey"],
}  # fmt: skip


def fearec(*arguments: str) -> float:
    """Run the command line in a process of its own; the CPU seconds that it takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    program = "from fearec_cli.cli.main import main; main()"
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(entry: str, dataset: Path, seed: int, minutes: float, epochs: int, directory: Path) -> dict[str, Any]:
    """Train and evaluate one model; its line of the results."""
    arguments = [*ENTRIES[entry], "--seed", str(seed)]
    arguments += ["--time-limit", str(minutes)] if minutes else []
    arguments += ["--epochs", str(epochs)] if epochs else []
    spent = directory / "cpu-seconds.json"
    cpu = json.loads(spent.read_text("utf-8")) if spent.exists() else 0.0
    begun = any((directory / "last").glob("state-*.safetensors"))
    how = ["--resume"] if begun else arguments
    cpu += fearec("train", str(dataset), *how, "--out", str(directory))
    spent.write_text(json.dumps(cpu), "utf-8")
    report = directory / "test.json"
    fearec("evaluate", str(directory / "best.safetensors"), str(dataset), "--json", str(report))
    test = json.loads(report.read_text("utf-8"))
    records = [json.loads(line) for line in (directory / "metrics.jsonl").read_text("utf-8").splitlines()]
    return {
        "entry": entry,
        "data": dataset.name,
        "seed": seed,
        "minutes": minutes,
        "epochs_limit": epochs,
        "arguments": arguments,
        "protocols": _scores(test["protocols"]),
        "popularity": _scores(test["baselines"]["popularity"]["protocols"]),
        "rule": test["rule"],
        "targets": test["targets"],
        "epochs": len(records),
        "seconds": round(records[-1]["seconds"], 1),
        "cpu_seconds": round(cpu, 1),
        "curve": [[round(r["seconds"], 1), *_validation(r["valid"])] for r in records],
        "machine": machine(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": os.environ.get("FEAREC_COMMIT") or commit(),
    }


def _scores(protocols: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """HR@10, NDCG@10 under either protocol."""
    return {name: {k: round(scores[k], 6) for k in ("HR@10", "NDCG@10")} for name, scores in protocols.items()}


def _validation(protocols: dict[str, dict[str, float]]) -> Iterator[float]:
    return (round(protocols[name]["NDCG@10"], 5) for name in ("unmasked", "seen-masked"))


def machine() -> str:
    """Processor, cores and threads."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text("utf-8").splitlines())
        model = next((value.strip() for name, _, value in lines if name.strip() == "model name"), model)
    return f"{model}, {os.cpu_count()} cores, {os.environ.get('OMP_NUM_THREADS', 'all')} threads"


def commit() -> str:
    """The commit of the code that runs."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return found.stdout.strip()


def key(line: dict[str, Any]) -> tuple[str, str, int, float, int]:
    """What makes two runs the same one."""
    return line["data"], line["entry"], line["seed"], line["minutes"], line["epochs_limit"]


def sweep(options: argparse.Namespace) -> None:
    """Train what is not in the results yet."""
    done = {key(line) for line in quality_tables.read(options.results)}
    for seed in options.seeds:
        for name in options.sets:
            for entry in options.entries:
                which = (name, entry, seed, options.minutes, options.epochs)
                if which in done:
                    continue
                directory = options.runs / "-".join(str(part).replace(", ", "-").replace(" ", "-") for part in which)
                print(f"{time.strftime('%H:%M:%S')} {directory.name}", flush=True)
                line = measure(entry, options.data / name, seed, options.minutes, options.epochs, directory)
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                print(f"{time.strftime('%H:%M:%S')} {json.dumps(line['protocols'])}", flush=True)


def main(arguments: Iterable[str] | None = None) -> None:
    """Train, or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train what is not in the results yet")
    run.add_argument("--data", type=Path, default=Path("data"), help="directory of the prepared data sets")
    run.add_argument("--sets", nargs="+", default=["beauty", "yelp", "ml-100k", "demo"])
    run.add_argument("--entries", nargs="+", default=list(ENTRIES), choices=list(ENTRIES), metavar="ENTRY")
    run.add_argument("--seeds", nargs="+", type=int, default=[42])
    run.add_argument("--minutes", type=float, default=0, help="of training, at most; 0 for no limit")
    run.add_argument("--epochs", type=int, default=0, help="at most; 0 is the preset's own")
    run.add_argument("--runs", type=Path, default=Path("runs/quality"), help="directory of the runs")
    commands.add_parser("tables", help="write the tables and the picture of docs/results.md")
    options = parser.parse_args(None if arguments is None else list(arguments))
    if options.command == "run":
        sweep(options)
    else:
        quality_tables.write(options.results, HERE.parent / "docs")


if __name__ == "__main__":
    main()
