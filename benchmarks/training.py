"""Training speed beside RecBole, in one run: `python benchmarks/training.py data/beauty --recbole ENV/bin/python`.

Both train the released FEARec settings on the same data: batch 256, 50 positions, three views, both
dropouts .5, on the CPU. Each round times a number of steps in a fresh process of either, one after the other,
so that other work on the machine slows both; the ratio is of each round. Without `--recbole`, ours alone.

RecBole needs an environment of its own:

    python3.11 -m venv ENV
    ENV/bin/pip install torch==2.13.0 numpy pandas scipy tqdm 'colorlog==4.7.2' colorama pyyaml scikit-learn \
        tabulate texttable psutil tensorboard thop plotly
    ENV/bin/pip install --no-deps recbole==1.2.1
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM_UP = 3


def timed(step: Callable[[], object], steps: int) -> dict[str, float]:
    """Median seconds of a step after a warm-up, and the process's peak memory in GiB."""
    for _ in range(WARM_UP):
        step()
    seconds = []
    for _ in range(steps):
        begin = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"seconds": statistics.median(seconds), "gib": peak}


def ours(dataset: Path, preset: str, batch_size: int, steps: int) -> dict[str, float]:
    """Steps of fearec's own loop, without validation."""
    import torch

    from fearec_cli.config import load_config
    from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
    from fearec_cli.data.prepared import open_prepared
    from fearec_cli.model.compose import build_encoder
    from fearec_cli.registry import load_components
    from fearec_cli.training.objective import Objective

    registry, prepared, cpu = load_components(), open_prepared(dataset), torch.device("cpu")
    config = load_config(registry, preset=preset)
    torch.manual_seed(0)
    table = InteractionTable.load(prepared, cpu)
    prefixes = TrainingPrefixes(table, prepared, config.model.max_length, config.model.padding)
    objective, encoder = Objective(config, registry), build_encoder(config, registry, prepared.n_items).train()
    optimizer = torch.optim.Adam(encoder.parameters(), lr=config.training.learning_rate, fused=True)
    generator = torch.Generator().manual_seed(0)
    batches = prefixes.epoch(batch_size, generator)

    def step() -> None:
        loss, _ = objective(encoder, prefixes, next(batches), generator)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return timed(step, steps)


def recbole(dataset: Path, preset: str, batch_size: int, steps: int, detect_anomaly: bool) -> dict[str, float]:
    """Steps of RecBole 1.2.1's FEARec or SASRec; runs in its environment, without fearec."""
    import numpy

    # Names that NumPy 2 took away and RecBole 1.2.1 still uses.
    for name, value in (("float_", "float64"), ("complex_", "complex128"), ("unicode_", "str_")):
        setattr(numpy, name, getattr(numpy, value))
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, init_seed

    # What its yaml leaves out would be None, in silence.
    released: dict[str, Any] = {
        "contrast": "us_x", "tau": 1, "sim": "dot", "dual_domain": True, "std": True, "global_ratio": 0.6,
        "spatial_ratio": 0.1, "fredom": True, "fredom_type": "us_x", "topk_factor": 1, "use_filter": False,
    }  # fmt: skip
    model = {"fearec": "FEARec", "sasrec": "SASRec"}[preset]
    settings: dict[str, Any] = {
        "data_path": str(dataset.parent), "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "MAX_ITEM_LIST_LENGTH": 50, "train_batch_size": batch_size, "train_neg_sample_args": None, "use_gpu": False,
        "hidden_dropout_prob": 0.5, "attn_dropout_prob": 0.5, "state": "ERROR", "show_progress": False,
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
        **(released if model == "FEARec" else {}),
    }  # fmt: skip
    sys.argv = sys.argv[:1]  # RecBole reads the command line by itself
    config = Config(model=model, dataset=dataset.name, config_dict=settings)
    init_seed(0, True)
    train, _, _ = data_preparation(config, create_dataset(config))
    net = get_model(config["model"])(config, train._dataset).train()
    # Importing its sequential models turned anomaly detection on, for the whole process.
    torch.autograd.set_detect_anomaly(detect_anomaly)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    batches = iter(train)

    def step() -> None:
        optimizer.zero_grad()
        net.calculate_loss(next(batches)).backward()
        optimizer.step()

    return timed(step, steps)


def write_inter(dataset: Path, directory: Path) -> Path:
    """The prepared data as a RecBole atomic file; the place in the sequence stands for the time."""
    from fearec_cli.data.prepared import open_prepared

    prepared = open_prepared(dataset)
    folder = directory / "benchmark"
    folder.mkdir()
    with (folder / "benchmark.inter").open("w", encoding="utf-8") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for user in range(prepared.n_users):
            start, end = prepared.offsets[user], prepared.offsets[user + 1]
            file.writelines(f"{user}\t{item}\t{place}\n" for place, item in enumerate(prepared.items[start:end]))
    return folder


def measure(python: str, arguments: list[str]) -> dict[str, float]:
    """One measurement in a process of its own."""
    out = subprocess.run([python, __file__, *arguments], check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(out.splitlines()[-1])
    return result


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--preset", choices=["fearec", "sasrec"], default="fearec")
    parser.add_argument("--recbole", help="Python of an environment with RecBole 1.2.1")
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=["ours", "recbole", "recbole-anomaly"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    arguments = (options.dataset, options.preset, options.batch_size, options.steps)
    if options.worker == "ours":
        print(json.dumps(ours(*arguments)))
    elif options.worker:
        print(json.dumps(recbole(*arguments, detect_anomaly=options.worker == "recbole-anomaly")))
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Alternate the contestants, round by round."""
    common = ["--preset", options.preset, "--batch-size", str(options.batch_size), "--steps", str(options.steps)]
    contestants = {"fearec": "ours"}
    if options.recbole:
        contestants |= {"RecBole as shipped": "recbole-anomaly", "RecBole, anomaly detection off": "recbole"}
    results: dict[str, list[dict[str, float]]] = {name: [] for name in contestants}
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_inter(options.dataset, Path(temporary)) if options.recbole else options.dataset
        for _ in range(options.rounds):
            for name, worker in contestants.items():
                own = worker == "ours"
                python, data = (sys.executable, options.dataset) if own else (options.recbole, folder)
                results[name].append(measure(python, [str(data), *common, "--worker", worker]))
    print("| | prefixes/s | peak memory, GiB | times slower than fearec, round by round |\n|---|---|---|---|")
    for name, rounds in results.items():
        speed = options.batch_size / statistics.median(result["seconds"] for result in rounds)
        ratios = [result["seconds"] / base["seconds"] for result, base in zip(rounds, results["fearec"], strict=True)]
        shown = ", ".join(f"{ratio:.1f}" for ratio in ratios)
        print(f"| {name} | {speed:,.0f} | {max(result['gib'] for result in rounds):.2f} | {shown} |")


if __name__ == "__main__":
    main()
