"""Evaluation beside RecBole, in one run: `python benchmarks/evaluation.py data/beauty --recbole ENV/bin/python`.

Every user's validation target among the whole catalogue, by a model with fresh weights: ours under both protocols,
with the ranks of every user; RecBole's HR and NDCG at 5, 10 and 20 under the one that it knows, unmasked. Each round
times each in a fresh process, the second of two evaluations. The environment of RecBole: `beside_recbole.py`.
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

from beside_recbole import load, measure, write_inter


def timed(evaluate: Callable[[], object]) -> dict[str, float]:
    """Seconds of the second call, and the process's peak memory in GiB."""
    evaluate()
    begin = time.perf_counter()
    evaluate()
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def ours(dataset: Path, preset: str) -> dict[str, float]:
    """Both protocols."""
    import torch

    from fearec_cli.components.registry import load_components
    from fearec_cli.config import load_recipe
    from fearec_cli.data.batches import InteractionTable
    from fearec_cli.data.prepared import open_prepared
    from fearec_cli.evaluation.evaluate import evaluate
    from fearec_cli.kernels.allocator import keep_freed_memory
    from fearec_cli.model.build import build_encoder

    keep_freed_memory()
    registry, prepared = load_components(), open_prepared(dataset)
    encoder = build_encoder(load_recipe(registry, preset=preset), prepared.n_items).eval()
    table = InteractionTable.load(prepared, torch.device("cpu"))
    return timed(lambda: evaluate(encoder, table, prepared.split.valid).metrics((5, 10, 20)))


def recbole(dataset: Path, preset: str) -> dict[str, float]:
    """One protocol; runs in RecBole's environment, without fearec."""
    config, net, _, valid = load(dataset, preset, 256, "cpu")
    from recbole.utils import get_trainer

    config["topk"], config["metrics"], config["valid_metric"] = [5, 10, 20], ["Hit", "NDCG"], "NDCG@10"
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, net)
    return timed(lambda: trainer.evaluate(valid, load_best_model=False, show_progress=False))


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--preset", choices=["fearec", "sasrec"], default="fearec")
    parser.add_argument("--recbole", required=True, help="Python of an environment with RecBole 1.2.1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", choices=["ours", "recbole"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker = ours if options.worker == "ours" else recbole
        print(json.dumps(worker(options.dataset, options.preset)))
        return
    results: dict[str, list[dict[str, float]]] = {"ours": [], "recbole": []}
    with tempfile.TemporaryDirectory() as temporary:
        places = {"ours": (sys.executable, options.dataset)}
        places["recbole"] = (options.recbole, write_inter(options.dataset, Path(temporary)))
        for _ in range(options.rounds):
            for worker, (python, data) in places.items():
                arguments = [str(data), "--preset", options.preset, "--recbole", "-", "--worker", worker]
                results[worker].append(measure(python, __file__, arguments))
    print("| | seconds | peak memory, GiB | times slower than fearec, round by round |\n|---|---|---|---|")
    for name, worker in (("fearec, both protocols", "ours"), ("RecBole, unmasked", "recbole")):
        rounds = results[worker]
        pairs = zip(rounds, results["ours"], strict=True)
        shown = ", ".join(f"{result['seconds'] / base['seconds']:.1f}" for result, base in pairs)
        median = statistics.median(result["seconds"] for result in rounds)
        print(f"| {name} | {median:.2f} | {max(result['gib'] for result in rounds):.2f} | {shown} |")


if __name__ == "__main__":
    main()
