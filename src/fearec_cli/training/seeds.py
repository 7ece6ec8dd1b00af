"""One configuration trained with several seeds, each evaluated once on the test part when it is done."""

import json
import shlex
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe, RunConfig, differences, load_run
from fearec_cli.data.prepared import Prepared
from fearec_cli.devices.placement import choose_device
from fearec_cli.errors import CheckpointError, ConfigError
from fearec_cli.evaluation.ranks_file import write_ranks
from fearec_cli.evaluation.report import Report
from fearec_cli.evaluation.shown import to_json
from fearec_cli.runs.checkpoint import Checkpoint, load_checkpoint
from fearec_cli.runs.dataset import DEMO, check_dataset_named, dataset_of_fingerprint, open_dataset
from fearec_cli.runs.directory import BEST_FILE, RUN_FILE, SUMMARY_FILE, claimed, has_begun, new_run_directory
from fearec_cli.runs.evaluation import evaluate_checkpoint
from fearec_cli.runs.run_toml import Facts, write_run_file
from fearec_cli.runs.seeds import (
    RANKS_FILE,
    TEST_FILE,
    SeedResult,
    Summary,
    read_summary,
    seed_directory,
    write_summary,
)
from fearec_cli.system.atomic import atomic_file
from fearec_cli.training.reporting import Reporter, Stop
from fearec_cli.training.run import RUNS, train


@dataclass(frozen=True)
class SeedsOutcome:
    """Result of training with several seeds.

    Attributes:
        directory: with a run for each seed.
        summary: of the seeds that are finished.
        interrupted: whether it was asked to stop before the last one was.
    """

    directory: Path
    summary: Summary
    interrupted: bool


def train_seeds(
    recipe: Recipe,
    dataset: str | Prepared | None = None,
    *,
    seeds: Sequence[int] | None = None,
    name: str = "run",
    directory: Path | None = None,
    resume: bool = False,
    make_reporter: Callable[[int], Reporter] | None = None,
    stop: Stop | None = None,
) -> SeedsOutcome:
    """Train a recipe once with each seed, one after another, and summarise them.

    Args:
        recipe: settings and components; its own seed is not used.
        dataset: a prepared data set, its directory, or its name under data/; without one that of the directory where
            it is resumed, else the demo.
        seeds: two or more; where it is resumed, those of before unless given.
        name: of the runs; without a `directory` they go to runs/DATASET-NAME-seeds.
        directory: of the runs.
        resume: go on in `directory`: finished seeds are kept, an interrupted one is resumed. Where none has
            begun they begin.
        make_reporter: gives the follower of the run of a seed.
        stop: asks the run under way, and all after it, to end.

    Raises:
        ConfigError: several processes are asked for, or other settings than those of the directory.
        FearecError: what `train` raises.
    """
    if recipe.training.devices * recipe.training.nodes > 1:
        raise ConfigError(["--seeds: trains in one process; train each seed by a `fearec train --seed` of its own"])
    check_dataset_named(dataset, directory, resume=resume)
    stop = stop or Stop()
    with ExitStack() as claims:
        if resume and directory is not None and has_begun(directory):
            before = read_summary(directory)
            prepared = _of_before(dataset, before, directory)
            summary = before.model_copy(update={"seeds": tuple(seeds or before.seeds)})
            claims.enter_context(claimed(directory, resume=True))
        else:
            prepared = dataset if isinstance(dataset, Prepared) else open_dataset(dataset or DEMO)
            directory = directory or new_run_directory(RUNS, f"{prepared.name}-{name}-seeds")
            claims.enter_context(claimed(directory, resume=resume))
            summary = Summary(
                dataset=prepared.name,
                fingerprint=prepared.fingerprint,
                rule=prepared.split.rule,
                seeds=tuple(seeds or ()),
            )
            claims.callback(_remove_if_nothing_began, directory, summary)
            write_run_file(directory, _shared(recipe), Facts.of(recipe, prepared))
        write_summary(directory, summary)
        for seed in summary.left():
            own = seed_directory(directory, seed)
            outcome = train(
                recipe.with_training(seed=seed),
                prepared,
                directory=own,
                resume=True,
                reporter=None if make_reporter is None else make_reporter(seed),
                stop=stop,
            )
            if outcome is None or outcome.reason == "interrupted":
                return SeedsOutcome(directory, summary, interrupted=True)
            result = _result(*evaluate_run(own, prepared, choose_device(recipe.training.device)))
            summary = summary.model_copy(update={"runs": {**summary.runs, seed: result}})
            write_summary(directory, summary)
    return SeedsOutcome(directory, summary, interrupted=False)


def check_same_settings(recipe: Recipe, directory: Path) -> None:
    """Check that the settings are those that finished seeds were trained with.

    Args:
        recipe: what is to be trained.
        directory: of the seeds.

    Raises:
        ConfigError: they differ; names every setting that does, then and now.
    """
    before = load_run(load_components(), directory / RUN_FILE)
    track = recipe.training.track  # which a seed may do without
    found = differences(_shared(recipe), _shared(before.with_training(track=track)).to_toml())
    if found:
        own = shlex.join(["fearec", "train", "--resume", "--out", str(directory)])
        raise ConfigError(
            [
                f"{directory}: {'; '.join(map(str, found))}; all seeds share the settings of its {RUN_FILE}: `{own}` "
                "goes on with its own, another --out starts runs of these"
            ]
        )


def _shared(recipe: Recipe) -> RunConfig:
    """The settings that all seeds share; the seed is that of none of them."""
    return recipe.with_training(seed=0).config


def _of_before(dataset: str | Prepared | None, before: Summary, directory: Path) -> Prepared:
    """The data set of a directory that is resumed.

    Raises:
        CheckpointError: it is another one, or is not found.
    """
    if dataset is None:
        return dataset_of_fingerprint(before.fingerprint, directory)
    prepared = dataset if isinstance(dataset, Prepared) else open_dataset(dataset)
    if prepared.fingerprint != before.fingerprint:
        raise CheckpointError(
            f"{directory}: its seeds were trained on {before.dataset!r} (fingerprint {before.fingerprint[:12]}), and "
            f"{prepared.directory} is another data set (fingerprint {prepared.fingerprint[:12]}, "
            f"{prepared.split.rule}); go on with the same"
        )
    return prepared


def _remove_if_nothing_began(directory: Path, summary: Summary) -> None:
    """Leave nothing of runs whose settings were refused before the first step."""
    if not any(seed_directory(directory, seed).exists() for seed in summary.seeds):
        (directory / SUMMARY_FILE).unlink(missing_ok=True)
        (directory / RUN_FILE).unlink(missing_ok=True)


def evaluate_run(directory: Path, prepared: Prepared, device: torch.device) -> tuple[Checkpoint, Report]:
    """The best weights of a run, evaluated on the test part; leaves test.json and test.parquet beside them.

    Args:
        directory: of the run.
        prepared: its data set.
        device: that ranks.

    Raises:
        FearecError: the weights or the scores are damaged, or a file cannot be written.
    """
    checkpoint = load_checkpoint(directory / BEST_FILE, device)
    evaluated = evaluate_checkpoint(checkpoint, prepared)
    write_ranks(directory / RANKS_FILE, evaluated.header, prepared, evaluated.model)
    with atomic_file(directory / TEST_FILE) as temporary:
        temporary.write_text(json.dumps(to_json(evaluated), indent=2) + "\n", encoding="utf-8")
    return checkpoint, evaluated


def _result(checkpoint: Checkpoint, report: Report) -> SeedResult:
    valid = {protocol: dict(metrics) for protocol, metrics in checkpoint.info.metrics.items()}
    return SeedResult(valid=valid, test=to_json(report)["protocols"])
