"""RecBole 1.2.1 beside fearec: the same data, the released settings, each measurement in a process of its own.

RecBole needs an environment of its own (on a GPU machine with the torch that is there):

    python3.11 -m venv ENV
    ENV/bin/pip install torch==2.13.0 numpy pandas scipy tqdm 'colorlog==4.7.2' colorama pyyaml scikit-learn \
        tabulate texttable psutil tensorboard thop plotly
    ENV/bin/pip install --no-deps recbole==1.2.1
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple


class RecBole(NamedTuple):
    """Its model and data."""

    config: Any
    model: Any
    train: Any
    valid: Any


def load(dataset: Path, preset: str, batch_size: int, device: str) -> RecBole:
    """FEARec or SASRec of RecBole; runs in its environment, without fearec.

    Args:
        dataset: directory of `write_inter`.
        preset: fearec or sasrec.
        batch_size: prefixes a step.
        device: cpu or cuda.
    """
    os.chdir(dataset.parent)  # RecBole writes logs of its own to where it runs
    import numpy

    # Names that NumPy 2 took away and RecBole 1.2.1 still uses.
    for name, value in (("float_", "float64"), ("complex_", "complex128"), ("unicode_", "str_")):
        setattr(numpy, name, getattr(numpy, value))
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
        "MAX_ITEM_LIST_LENGTH": 50, "train_batch_size": batch_size, "train_neg_sample_args": None,
        "use_gpu": device == "cuda", "hidden_dropout_prob": 0.5, "attn_dropout_prob": 0.5, "state": "ERROR",
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
        "show_progress": False, **(released if model == "FEARec" else {}),
    }  # fmt: skip
    sys.argv = sys.argv[:1]  # RecBole reads the command line by itself
    config = Config(model=model, dataset=dataset.name, config_dict=settings)
    init_seed(0, True)
    train, valid, _ = data_preparation(config, create_dataset(config))
    net = get_model(config["model"])(config, train._dataset).to(config["device"])
    return RecBole(config, net, train, valid)


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


def measure(python: str, script: str, arguments: list[str]) -> dict[str, float]:
    """What a script's worker prints last, as JSON, run in a process of its own."""
    done = subprocess.run([python, "-W", "ignore", script, *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: failed, see above")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result
