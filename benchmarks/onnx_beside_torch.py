"""ONNX beside PyTorch, in one run: `python benchmarks/onnx_beside_torch.py runs/first/best.safetensors`.

The 20 best items after random histories of every length, by the same model on one thread each: one history at a time,
and 256 at once. PyTorch's way takes raw ids and gives raw ids, the graph's takes and gives numbers. Rounds alternate
between the two; medians are printed, in seconds of CPU time, which other programs on the machine disturb less.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from fearec_cli import Recommender
from fearec_cli.serving.onnx.file import export_onnx
from fearec_cli.serving.onnx.parity import random_histories, session

K, BATCH, ROUNDS = 20, 256, 15


def seconds(work: Callable[[], object], times: int) -> float:
    """CPU time of one call, from several."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times


def main() -> None:
    """Export, time, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--int8", action="store_true", help="weights of the graph in 8 bits")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recommender = Recommender.load(arguments.checkpoint)
    checkpoint = recommender.checkpoint
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "model.onnx"
        export_onnx(checkpoint, file, k=K, quantize=arguments.int8)
        size = file.stat().st_size
        graph = session(file.read_bytes())
    ids = random_histories(checkpoint.encoder, len(recommender.items))
    ids = np.resize(ids, (BATCH, ids.shape[1]))
    histories = [[recommender.items[number - 1] for number in row if number] for row in ids]
    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, rows, times in (("one", 1, 20), ("256", BATCH, 1)):
            start = BATCH // 2 if rows == 1 else 0
            own, texts = ids[start : start + rows], histories[start : start + rows]
            ways = {
                "torch": lambda texts=texts: recommender.recommend(texts, k=K),
                "onnx": lambda own=own: graph.run(None, {"ids": own}),
            }
            for way, work in ways.items():
                found.setdefault(f"{way}, {name}", []).append(seconds(work, times))
    medians = {name: statistics.median(values[1:]) for name, values in found.items()}
    for name in ("one", "256"):
        medians[f"torch / onnx, {name}"] = medians[f"torch, {name}"] / medians[f"onnx, {name}"]
    print(json.dumps({"items": len(recommender.items), "bytes": size, **medians}, indent=2))


if __name__ == "__main__":
    main()
