"""What other toolkits' models reach in the same minutes: RecBole 1.2.1 and RecTools 0.19 beside fearec.

    python benchmarks/peers_quality.py run data/beauty --minutes 10 --recbole ENV/bin/python --rectools ENV2/bin/python
    python benchmarks/peers_quality.py table

Every model trains on the same interactions for as many minutes of CPU time, on one thread, and hands over a vector a
history and a vector an item; one code, fearec's, then ranks every test target among the whole catalogue. So split,
rule of ties and metrics are the same for all. A line for each is appended to benchmarks/peers_quality.jsonl; what is
there already is left out.

All have two layers, two heads, 64 dimensions, 50 positions and dropout .5, the sizes of the published FEARec; the rest
is each toolkit's own: RecBole's released settings of the model with the whole catalogue's softmax and batches of 256
prefixes, RecTools' softmax over every position, batches of 128 users and a rate of 1e-3, fearec's recommended preset.
fearec validates within its minutes, the others do not. RecBole's detection of anomalies is off, which makes it faster.

The environment of RecBole: `beside_recbole.py`. That of RecTools: `pip install 'rectools[torch]==0.19.0'`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from beside_recbole import load, write_inter

RESULTS = Path(__file__).parent / "peers_quality.jsonl"
MAX_LENGTH = 50
# Of an item that a peer's training never met, so that it ranks behind all others.
NEVER = -1e4

# Its version, the toolkit that it is of, and the name that its worker knows it by.
MODELS = {
    "fearec sasrec-causal": ("fearec", "sasrec-causal"),
    "RecBole 1.2.1 SASRec": ("recbole", "sasrec"),
    "RecBole 1.2.1 FEARec": ("recbole", "fearec"),
    "RecTools 0.19.0 SASRec": ("rectools", "sasrec"),
}


def spent() -> float:
    """Minutes of CPU time of this process."""
    return time.process_time() / 60


def write_sequences(dataset: Path, directory: Path) -> None:
    """The prepared data for a process without fearec: the users' items, and where each test history begins and ends."""
    from fearec_cli.data.prepared import open_prepared

    prepared = open_prepared(dataset)
    test = prepared.split.test
    arrays = {"items": prepared.items, "offsets": prepared.offsets, "starts": test.starts, "ends": test.targets}
    np.savez(directory / "sequences.npz", n_items=prepared.n_items, **arrays)
    write_inter(dataset, directory)


def padded(sequences: Any, of_item: Callable[[int], int], *, left: bool) -> tuple[np.ndarray, np.ndarray]:
    """The latest items of every test history in a peer's own numbers, padded with 0, and their counts."""
    ids = np.zeros((len(sequences["starts"]), MAX_LENGTH), dtype=np.int64)
    lengths = np.minimum(sequences["ends"] - sequences["starts"], MAX_LENGTH)
    items = sequences["items"]
    for row, (end, length) in enumerate(zip(sequences["ends"], lengths, strict=True)):
        history = [of_item(int(item)) for item in items[end - length : end]]
        history = [item for item in history if item]  # an item that the peer has no number for
        lengths[row] = len(history)
        places = slice(MAX_LENGTH - len(history), None) if left else slice(len(history))
        ids[row, places] = history
    return ids, lengths


def recbole(directory: Path, model: str, minutes: float) -> dict[str, Any]:
    """RecBole's model; runs in its environment, without fearec."""
    begun = spent()
    sequences = np.load(directory / "sequences.npz")
    config, net, train, _ = load(directory / "benchmark", model, 256, "cpu")
    import torch

    torch.autograd.set_detect_anomaly(False)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    epochs, steps = 0.0, 0
    net.train()
    while spent() - begun < minutes:
        for batch in train:
            optimizer.zero_grad()
            loss = net.calculate_loss(batch.to(config["device"]))
            (sum(loss) if isinstance(loss, tuple) else loss).backward()
            optimizer.step()
            steps += 1
            if spent() - begun >= minutes:
                break
        epochs = steps / len(train)
    numbers = train._dataset.field2token_id["item_id"]
    ids, lengths = padded(sequences, lambda item: int(numbers[str(item)]), left=False)
    net.eval()
    with torch.inference_mode():
        batches = zip(torch.as_tensor(ids).split(256), torch.as_tensor(lengths).split(256), strict=True)
        represented = torch.cat([net(*batch) for batch in batches]).numpy()
        table = net.item_embedding.weight.numpy()
    rows = [int(numbers[str(item)]) for item in range(1, int(sequences["n_items"]) + 1)]
    np.savez(directory / "vectors.npz", represented=represented, table=table[rows], known=np.ones(len(rows), bool))
    return {"epochs": round(epochs, 2)}


def rectools(directory: Path, model: str, minutes: float) -> dict[str, Any]:
    """RecTools' SASRec; runs in its environment, without fearec."""
    begun = spent()
    import pandas
    import torch
    from pytorch_lightning import Callback, Trainer
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    torch.set_num_threads(1)
    sequences = np.load(directory / "sequences.npz")
    offsets, items = sequences["offsets"], sequences["items"]
    lengths = np.diff(offsets)
    places = np.arange(len(items)) - np.repeat(offsets[:-1], lengths)
    trained = places < np.repeat(lengths, lengths) - 2  # the last two are validation's and the test's
    log = {
        Columns.User: np.repeat(np.arange(len(lengths)), lengths)[trained],
        Columns.Item: items[trained].astype(np.int64),
        Columns.Weight: 1.0,
        Columns.Datetime: pandas.Timestamp(2020, 1, 1) + pandas.to_timedelta(places[trained], "D"),
    }
    epochs = [0.0]

    class Limit(Callback):
        def on_train_batch_end(self, trainer: Any, *_: object) -> None:
            epochs[0] = trainer.global_step / trainer.num_training_batches
            trainer.should_stop = spent() - begun >= minutes

    def trainer() -> Any:
        quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
        return Trainer(max_epochs=10_000, accelerator="cpu", devices=1, callbacks=[Limit()], **quiet)

    sizes = {"n_blocks": 2, "n_heads": 2, "n_factors": 64, "dropout_rate": 0.5, "session_max_len": MAX_LENGTH}
    fitted = SASRecModel(**sizes, lr=1e-3, batch_size=128, loss="softmax", get_trainer_func=trainer)
    fitted.fit(Dataset.construct(pandas.DataFrame(log)))
    numbers = fitted.data_preparator.item_id_map.to_internal.to_dict()
    ids, _ = padded(sequences, lambda item: numbers.get(item, 0), left=True)
    net = fitted.torch_model.eval()
    with torch.inference_mode():
        table = net.item_model.get_all_embeddings()
        batches = torch.as_tensor(ids).split(256)
        represented = torch.cat([net.encode_sessions({"x": batch}, table)[:, -1] for batch in batches]).numpy()
    rows = np.array([numbers.get(item, 0) for item in range(1, int(sequences["n_items"]) + 1)])
    np.savez(directory / "vectors.npz", represented=represented, table=table.numpy()[rows], known=rows > 0)
    return {"epochs": round(epochs[0], 2)}


def fearec(directory: Path, preset: str, minutes: float) -> dict[str, Any]:
    """Ours, by the loop of `fearec train`: the weights that validated best so far, and their repeat scores."""
    begun = spent()
    from fearec_cli import evaluate, train
    from fearec_cli.training.reporting import Reporter, Stop

    stop = Stop()

    class Limit(Reporter):
        def on_step(self, *_: object) -> None:
            if spent() - begun >= minutes:
                stop.request()

    dataset = Path((directory / "dataset").read_text("utf-8"))
    run = train(
        dataset, preset=preset, settings={"training.seed": 42}, out=directory / "run", reporter=Limit(), stop=stop
    )
    result = evaluate(run.checkpoint, dataset)
    return {"epochs": run.progress.epoch, "protocols": scores(result.metrics(result.model))}


def rank(directory: Path, dataset: Path) -> dict[str, dict[str, float]]:
    """Metrics of the vectors that a peer has left, by fearec's ranks."""
    import torch

    from fearec_cli.data.batches import InteractionTable
    from fearec_cli.data.prepared import open_prepared
    from fearec_cli.evaluation.evaluate import seen_items
    from fearec_cli.evaluation.metrics import summarise
    from fearec_cli.evaluation.ranks import rank_targets

    vectors, prepared = np.load(directory / "vectors.npz"), open_prepared(dataset)
    items, test = InteractionTable.load(prepared, torch.device("cpu")).items, prepared.split.test
    starts, targets = torch.as_tensor(test.starts), torch.as_tensor(test.targets)
    # One dimension more says which items the peer knows.
    known = np.where(vectors["known"], 0, NEVER)[:, None]
    table = torch.as_tensor(np.hstack([vectors["table"], known]), dtype=torch.float32)
    represented = np.hstack([vectors["represented"], np.ones((len(test), 1))])
    rows = torch.as_tensor(represented, dtype=torch.float32)
    ranks = rank_targets(rows, table, items[targets] - 1, *seen_items(items, starts, targets))
    return scores({
        "unmasked": summarise(ranks.unmasked.numpy(), (10,)),
        "seen-masked": summarise(ranks.seen_masked.numpy(), (10,)),
    })  # fmt: skip


def scores(protocols: Any) -> dict[str, dict[str, float]]:
    """HR@10, NDCG@10 under either protocol."""
    return {name: {k: round(found[k], 6) for k in ("HR@10", "NDCG@10")} for name, found in protocols.items()}


WORKERS = {"fearec": fearec, "recbole": recbole, "rectools": rectools}


def sweep(options: argparse.Namespace) -> None:
    """Train what is not in the results yet."""
    from quality import machine

    done = {(line["model"], line["data"], line["minutes"]) for line in read(options.results)}
    pythons = {"fearec": sys.executable, "recbole": options.recbole, "rectools": options.rectools}
    for name, (toolkit, model) in MODELS.items():
        if (name, options.dataset.name, options.minutes) in done or not pythons[toolkit]:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            directory = Path(temporary)
            write_sequences(options.dataset, directory)
            (directory / "dataset").write_text(str(options.dataset.resolve()), "utf-8")
            begin = time.perf_counter()
            command = [pythons[toolkit], "-W", "ignore", __file__, "work", toolkit, model, str(directory)]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            done_by = subprocess.run(
                [*command, str(options.minutes)], stdout=subprocess.PIPE, text=True, env=environment, check=True
            )
            found = json.loads(done_by.stdout.splitlines()[-1])
            line = {
                "model": name,
                "data": options.dataset.name,
                "minutes": options.minutes,
                "wall_seconds": round(time.perf_counter() - begin),
                "epochs": found["epochs"],
                "protocols": found.get("protocols") or rank(directory, options.dataset),
                "machine": machine(),
                "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            }
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def read(results: Path) -> list[dict[str, Any]]:
    """Its lines."""
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()] if results.exists() else []


def show(options: argparse.Namespace) -> None:
    """Print the results as a table in Markdown."""
    print("| model | data | CPU minutes | epochs | HR@10, NDCG@10 unmasked | seen-masked |\n|---|---|---|---|---|---|")
    for line in read(options.results):
        shown = [f"{s['HR@10']:.4f}, {s['NDCG@10']:.4f}".replace("0.", ".") for s in line["protocols"].values()]
        print(f"| {line['model']} | {line['data']} | {line['minutes']:g} | {line['epochs']:g} | {' | '.join(shown)} |")


def main() -> None:
    """Train, work for a training, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=RESULTS)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="train what is not in the results yet")
    run.add_argument("dataset", type=Path)
    run.add_argument("--minutes", type=float, default=10, help="of CPU time")
    run.add_argument("--recbole", help="Python of an environment with RecBole 1.2.1")
    run.add_argument("--rectools", help="Python of an environment with RecTools 0.19.0")
    commands.add_parser("table", help="print the results as a table")
    work = commands.add_parser("work", help="one training, in the toolkit's own environment")
    work.add_argument("toolkit", choices=list(WORKERS))
    work.add_argument("model")
    work.add_argument("directory", type=Path)
    work.add_argument("minutes", type=float)
    options = parser.parse_args()
    if options.command == "run":
        sweep(options)
    elif options.command == "table":
        show(options)
    else:
        print(json.dumps(WORKERS[options.toolkit](options.directory, options.model, options.minutes)))


if __name__ == "__main__":
    main()
