"""The functions of the Python API: what the commands of the same name do, without printing.

`fearec_cli` offers them by these names; docs/python.md shows them at work.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from fearec_cli.components.registry import load_components
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.devices.placement import choose_device
from fearec_cli.errors import ConfigError
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.evaluation.report import Report
from fearec_cli.runs import checkpoint as checkpoints
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.runs.dataset import dataset_of, open_dataset
from fearec_cli.runs.evaluation import evaluate_checkpoint
from fearec_cli.runs.run_toml import recipe_to_train
from fearec_cli.training import run
from fearec_cli.training.reporting import Outcome, Reporter, Stop


def prepare(
    source: str,
    *,
    path: str | Path | None = None,
    out: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    watcher: Watcher | None = None,
    **settings: Any,
) -> Prepared:
    """Read a log, filter and number it, and write a prepared data set.

    Args:
        source: name of an adapter, such as "csv", or "hub:OWNER/NAME/FILE".
        path: the file, directory or pattern to read, where the adapter reads one.
        out: directory to write; data/SOURCE unless given.
        options: of the adapter, such as `{"user": "customer"}`.
        force: replace a data set that lies at `out`.
        watcher: follows the progress.
        **settings: filters and split, the fields of `fearec_cli.data.settings.Settings`: `k_core=5`,
            `split="global-time"`.

    Returns:
        The data set, opened; the one that was there where the same source and choices were prepared before.

    Raises:
        FearecError: an option, the log, or a place that cannot be written.
    """
    prepared, _ = prepare_source(
        source,
        path=None if path is None else Path(path),
        out=None if out is None else Path(out),
        options=options,
        settings=settings,
        force=force,
        watcher=watcher,
    )
    return prepared


def load_dataset(name: str | Path) -> Prepared:
    """Open a prepared data set by its directory, or by its name under data/. The demo is prepared on first use.

    Raises:
        DataError: it is not there, or is damaged.
    """
    return open_dataset(str(name))


def train(
    dataset: str | Path | Prepared = "demo",
    *,
    preset: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    reporter: Reporter | None = None,
    stop: Stop | None = None,
) -> Outcome:
    """Train a model and keep the weights that validate best.

    Args:
        dataset: a data set, its directory, or its name under data/.
        preset: model to start from; without one the recommended preset, or the published FEARec where a component
            is chosen.
        config: a TOML file over the preset.
        settings: over both, by the names of a TOML file: `{"attention": "ramp+autocorr", "model.dim": 32,
            "autocorr.top_k": 2.0, "training.max_steps": 100}`.
        out: directory of the run; runs/DATASET-PRESET unless given.
        resume: go on with the run that lies at `out`, or begin it there. A run that goes on has its own settings,
            changed by `settings`; with `preset` or `config` they must come to the same.
        reporter: follows the run.
        stop: asks the run to end, from another thread or a reporter.

    Returns:
        How it ended; `checkpoint` is the file of the best weights.

    Raises:
        FearecError: a setting, the data set, the directory, or a loss that is not finite.
    """
    if resume and out is None:
        raise ConfigError(["resume: name the run's directory with out"])
    directory = None if out is None else Path(out)
    recipe = recipe_to_train(
        load_components(),
        directory,
        resume=resume,
        preset=preset,
        file=None if config is None else Path(config),
        flags=settings,
    )
    if recipe.training.devices * recipe.training.nodes > 1:
        # Each process of such a run starts the command line of the first one again.
        raise ConfigError(
            ["training.devices: several processes are started by the command `fearec train` alone; give 1"]
        )
    outcome = run.train(
        recipe,
        str(dataset) if isinstance(dataset, Path) else dataset,
        name=recipe.preset,
        directory=directory,
        resume=resume,
        reporter=reporter,
        stop=stop,
    )
    assert outcome is not None  # None in the further processes of a run that has several
    return outcome


def load_checkpoint(path: str | Path, *, device: str = "cpu") -> Checkpoint:
    """Open a checkpoint: the model in evaluation mode, its item ids, its settings and metrics.

    Args:
        path: a safetensors file that training wrote.
        device: "auto", "cpu", "cuda" or "cuda:1".

    Raises:
        CheckpointError: the file is missing, damaged, newer than this program, or needs a component that is not
            installed.
        TrainingError: the device is not there.
    """
    return checkpoints.load_checkpoint(Path(path), choose_device(device))


def evaluate(
    checkpoint: str | Path | Checkpoint,
    dataset: str | Path | Prepared | None = None,
    *,
    split: Literal["test", "valid"] = "test",
    ks: Sequence[int] | None = None,
    protocols: Sequence[RankProtocol] = ("unmasked", "seen-masked"),
    device: str = "auto",
) -> Report:
    """Rank every held-out item among the whole catalogue, beside the baselines; every number has its interval.

    Args:
        checkpoint: a checkpoint or its file.
        dataset: the data set it was trained on; looked for under data/ by its fingerprint unless given.
        split: which of the two held-out parts.
        ks: lengths of the list; 5, 10 and 20 unless given, as far as the catalogue has so many items.
        protocols: rank among all items, or among those that the user has not seen.
        device: where to compute; an open checkpoint computes where it lies.

    Raises:
        FearecError: the checkpoint, the data set, or scores that are not numbers.
    """
    loaded = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(checkpoint, device=device)
    named = None if dataset is None or isinstance(dataset, Prepared) else str(dataset)
    prepared = dataset if isinstance(dataset, Prepared) else dataset_of(loaded, named)
    return evaluate_checkpoint(loaded, prepared, split=split, ks=ks, protocols=protocols)
