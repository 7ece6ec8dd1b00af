"""`fearec train --seeds`: several runs of one configuration, and their summary."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from fearec_cli.cli.interrupts import stop_on_signals
from fearec_cli.cli.show.console import make_console
from fearec_cli.cli.show.progress import make_reporter
from fearec_cli.cli.show.seeds import print_seeds
from fearec_cli.config import Recipe
from fearec_cli.errors import ConfigError
from fearec_cli.runs.directory import has_begun
from fearec_cli.runs.seeds import read_summary
from fearec_cli.training.reporting import Reporter, Stop
from fearec_cli.training.seeds import check_same_settings, train_seeds

_MOST = 1000


def parse_seeds(text: str, settings: Mapping[str, Any], batch_size: str | None) -> tuple[int, ...]:
    """Seeds as in "5", which is 1 to 5, or "1,2,7".

    Args:
        text: value of --seeds.
        settings: other options of the command line that are settings of the loop.
        batch_size: value of --batch-size.

    Raises:
        ConfigError: it is neither, gives fewer than two, or comes with --seed or --batch-size auto.
    """
    parts = [part.strip() for part in text.split(",")]
    problems = []
    seeds: tuple[int, ...] = ()
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        problems.append(f"--seeds {text}: give a number of seeds, or seeds separated by commas, as in --seeds 1,2,3")
    else:
        numbers = [int(part) for part in parts]
        # Not made for a large number, which is refused.
        seeds = tuple(range(1, min(numbers[0], _MOST + 1) + 1)) if len(numbers) == 1 else tuple(numbers)
        if len(set(seeds)) < len(seeds):
            problems.append(f"--seeds {text}: a seed appears twice; give each once")
        if not 2 <= len(seeds) <= _MOST:
            problems.append(f"--seeds {text}: give 2 to {_MOST:,} seeds; a single one is --seed N")
    if settings.get("seed") is not None:
        problems.append("--seed: does not go with --seeds, which names every seed; leave it out")
    if batch_size == "auto":
        problems.append("--batch-size auto: does not go with --seeds; find a size first, and give it to all")
    if problems:
        raise ConfigError(problems)
    return seeds


def train_several(
    recipe: Recipe,
    dataset: str | None,
    seeds: tuple[int, ...] | None,
    *,
    directory: Path | None,
    resume: bool,
) -> None:
    """Train with each seed, and print the summary.

    Raises:
        FearecError: what training raises.
        typer.Exit: 130, where it was interrupted.
    """
    if resume and directory is not None and has_begun(directory):
        read_summary(directory)  # a single run cannot go on as several
        check_same_settings(recipe, directory)

    console = make_console(goes_on=True)

    def reporter(seed: int) -> Reporter:
        console.print(f"seed {seed}:")
        return make_reporter()

    stop = Stop()
    with stop_on_signals(stop):
        outcome = train_seeds(
            recipe,
            dataset,
            seeds=seeds,
            name=recipe.preset,
            directory=directory,
            resume=resume,
            make_reporter=reporter,
            stop=stop,
        )
    summary = outcome.summary
    for part in ("test", "valid"):
        if summary.spreads(part):
            print_seeds(console, summary, part)
    done, all_seeds = len(summary.runs), len(set(summary.seeds) | summary.runs.keys())
    console.print(f"{done} of {all_seeds} seeds done: {outcome.directory}", soft_wrap=True)
    if outcome.interrupted:
        again = ["fearec", "train", *([dataset] if dataset else []), "--resume", "--out", str(outcome.directory)]
        console.print(f"continue: {shlex.join(again)}", soft_wrap=True)
        raise typer.Exit(130)
