"""Cost of a step by the length of the sequences: `python benchmarks/length.py`.

The encoder of a preset, forward and backward in training mode, at a fixed number of positions a batch: twice the
length is half the sequences, so a step that is linear in the length costs the same in every row, and
N log N is close to that. Histories are as long as the model reads. Besides the switch points as they are, each
row times the routes by matrix (the window as one N x N matrix, the auto-correlation off the score matrix) and
by FFT, forced at every length that the matrix route can hold. Every figure comes from a process of its own:
CPU seconds are the best of some steps, memory is the process's peak.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time

LENGTHS = (50, 64, 100, 128, 200, 256, 512, 1024, 2048, 4096)
POSITIONS, ITEMS = 2**14, 1000
ROUTES = ("chosen", "matrix", "fft")
# By scores the memory of a fixed number of positions grows with N.
LONGEST_BY_MATRIX = 256


def measure(attention: str, length: int, route: str, rounds: int, threads: int) -> dict[str, float]:
    """Best CPU microseconds a position of forward and backward, and the peak memory of this process in GiB."""
    import torch

    from fearec_cli.components.registry import load_components
    from fearec_cli.config import load_recipe
    from fearec_cli.kernels.allocator import keep_freed_memory
    from fearec_cli.model.build import build_encoder
    from fearec_plugins._kernels import gains
    from fearec_plugins.attentions import autocorr

    keep_freed_memory()  # as a run does
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    registry = load_components()
    if route != "chosen":
        autocorr.LONGEST_BY_SCORES = gains.LONGEST_BY_MATRIX = length if route == "matrix" else 0
    flags = {"attention": attention}
    if "+" not in attention:
        flags["fusion"] = "residual"
    config = load_recipe(registry, preset="fearec", flags=flags, assignments=[f"model.max_length={length}"])
    encoder = build_encoder(config, ITEMS).train()
    batch = max(1, POSITIONS // length)
    ids = torch.randint(1, ITEMS + 1, (batch, length))
    lengths = torch.full((batch,), length)
    best = math.inf
    for _ in range(rounds):
        begin = time.process_time()
        encoder.represent(ids, lengths).square().sum().backward()
        best = min(best, time.process_time() - begin)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"us": best / (batch * length) * 1e6, "gib": peak}


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attention", default="ramp+autocorr")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--lengths", type=int, nargs="*", default=LENGTHS)
    parser.add_argument("--measure", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        attention, length, route, rounds, threads = options.measure
        print(json.dumps(measure(attention, int(length), route, int(rounds), int(threads))))
        return
    print("| N | µs a position | over N log N | GiB | by matrix, µs | by FFT, µs |\n|---|---|---|---|---|---|")
    first = None
    for length in options.lengths:
        results = {}
        for route in ROUTES:
            if route == "matrix" and length > LONGEST_BY_MATRIX:
                continue
            numbers = [str(length), route, str(options.rounds), str(options.threads)]
            command = [sys.executable, __file__, "--measure", options.attention, *numbers]
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            results[route] = json.loads(out.splitlines()[-1])
        chosen = results["chosen"]
        first = first or chosen["us"] / math.log(length)
        routes = [f"{results[route]['us']:.1f}" if route in results else "" for route in ROUTES[1:]]
        cells = [
            f"{chosen['us']:.1f}",
            f"{chosen['us'] / math.log(length) / first:.2f}",
            f"{chosen['gib']:.2f}",
            *routes,
        ]
        print(f"| {length:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
