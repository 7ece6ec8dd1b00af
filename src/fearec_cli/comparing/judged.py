"""A system to compare: the rank of every target, from a run, a checkpoint, saved ranks, or a directory of seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import torch
from jaxtyping import Int

from fearec_cli.comparing.found import SEED, run_settings
from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.splits import SplitName
from fearec_cli.errors import CheckpointError, ConfigError
from fearec_cli.evaluation.evaluate import evaluate
from fearec_cli.evaluation.header import TIES, sha256
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.evaluation.ranks_file import read_ranks
from fearec_cli.runs.checkpoint import load_checkpoint
from fearec_cli.runs.dataset import dataset_of
from fearec_cli.runs.directory import BEST_FILE
from fearec_cli.runs.seeds import RANKS_FILE, is_seeds, read_summary, seed_directory

Ranks = Mapping[RankProtocol, Int[np.ndarray, "P"]]


@dataclass(frozen=True)
class Judged:
    """Ranks of a system, of one run or of several that differ in their seed.

    Attributes:
        name: what it is called: the path that was given.
        dataset: name of the data set.
        fingerprint: of the data set, its split included.
        rule: what holds the targets out, in words.
        part: which of the held-out parts.
        ties: what equal scores do to a rank.
        users: [P] raw id of each target's user.
        history: int64 [P], interactions before each target: with the user they name it.
        runs: ranks of each run, by protocol.
    """

    name: str
    dataset: str
    fingerprint: str
    rule: str
    part: SplitName
    ties: str
    users: pl.Series
    history: Int[np.ndarray, "P"]
    runs: Sequence[Ranks]


def judge(
    path: Path,
    *,
    dataset: str | None,
    part: SplitName,
    device: torch.device,
) -> Judged:
    """The ranks of what lies at a path.

    Args:
        path: a run's directory, a checkpoint, a directory of `fearec train --seeds` or of runs that differ in their
            seed alone, or a file of `fearec evaluate --save-ranks`, whose part is its own.
        dataset: the data set that it was trained on; looked for under data/ by its fingerprint unless given.
        part: which held-out part is ranked.
        device: where to compute.

    Raises:
        ConfigError: nothing of ours lies there.
        CheckpointError: a checkpoint is damaged, its data set is not found, or no seed is finished.
        DataError: a file of ranks is damaged.
        EvaluationError: a score is not a number.
    """
    if path.is_dir() and not (path / BEST_FILE).is_file():
        runs = [_of_run(directory, dataset, part, device) for directory in _runs_of(path)]
        others = [run for run in runs if run.fingerprint != runs[0].fingerprint]
        if others:
            raise CheckpointError(f"{path}: its runs were trained on different data sets; name runs of one")
        return replace(runs[0], name=str(path), runs=[run.runs[0] for run in runs])
    if path.is_dir():
        return replace(_evaluated(path / BEST_FILE, dataset, part, device), name=str(path))
    return _saved(path) if path.suffix == ".parquet" else _evaluated(path, dataset, part, device)


def _runs_of(path: Path) -> list[Path]:
    """Directories of the runs of a system: finished seeds, or all runs in it, which differ in their seed alone.

    Raises:
        CheckpointError: no seed is finished.
        ConfigError: there are none, or they differ in other settings.
    """
    if is_seeds(path):
        seeds = read_summary(path).runs
        if not seeds:
            raise CheckpointError(f"{path}: no seed is finished; go on: fearec train --resume --out {path}")
        return [seed_directory(path, seed) for seed in seeds]
    runs = sorted(child for child in path.iterdir() if (child / BEST_FILE).is_file())
    if not runs:
        raise ConfigError([f"{path}: is not a run (it has no {BEST_FILE}), and there are none in it"])
    try:
        settings = [run_settings(run) for run in runs]
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: the settings of a run in it cannot be read: {error}; name the runs"]) from error
    known = sorted({name for each in settings for name in each} - {SEED})
    differing = [name for name in known if any(each.get(name) != settings[0].get(name) for each in settings)]
    if differing:
        raise ConfigError(
            [f"{path}: its runs differ in more than their seed ({', '.join(differing[:5])}); name the runs themselves"]
        )
    if len({each.get(SEED) for each in settings}) < len(runs):
        raise ConfigError([f"{path}: two of its runs have the same seed, which is one draw; name the runs themselves"])
    return runs


def _of_run(directory: Path, dataset: str | None, part: SplitName, device: torch.device) -> Judged:
    """The ranks that lie in a run's directory, if they are those of the weights that lie there; else ranked again."""
    saved, best = directory / RANKS_FILE, directory / BEST_FILE
    if part == "test" and saved.is_file() and best.is_file():
        ranks = read_ranks(saved)
        if ranks.header.model.checkpoint == sha256(best):
            return _saved(saved)
    return _evaluated(best, dataset, part, device)


def _saved(path: Path) -> Judged:
    ranks = read_ranks(path)
    header = ranks.header
    return Judged(
        str(path),
        header.dataset,
        header.fingerprint,
        str(header.rule),
        header.split,
        header.ties,
        ranks.users,
        ranks.history,
        [ranks.ranks],
    )


def _evaluated(
    checkpoint: Path,
    dataset: str | None,
    part: SplitName,
    device: torch.device,
) -> Judged:
    loaded = load_checkpoint(checkpoint, device)
    prepared = dataset_of(loaded, dataset)
    held_out = prepared.split.held_out(part)
    table = InteractionTable.load(prepared, device)
    found = evaluate(loaded.encoder, table, held_out)
    return Judged(
        str(checkpoint),
        prepared.name,
        prepared.fingerprint,
        str(prepared.split.rule),
        part,
        TIES,
        prepared.interactions.raw_users.gather(held_out.users),
        held_out.targets - held_out.starts,
        [found.ranks],
    )
