"""`fearec tune`: a search over the options' declared bounds, by validation alone."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from fearec_cli.cli import completion
from fearec_cli.errors import ConfigError, OutputError
from fearec_cli.system.text import is_name, value


def tune(
    dataset: Annotated[
        str,
        typer.Argument(
            help="A prepared directory, or the name of one under data/.", autocompletion=completion.data_sets
        ),
    ],
    searches: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            metavar="NAME.OPTION=LOW..HIGH[:log],...",
            help="What to vary: ranges, or choices as in model.dim=32|64|128. May be given again.",
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Model to start from.", autocompletion=completion.presets)] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings, over the preset.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME.OPTION=VALUE", help="Any option that all trials share.")
    ] = None,
    trials: Annotated[int, typer.Option(min=0, max=1_000_000, help="Trials of the whole study; 0 for no limit.")] = 0,
    minutes: Annotated[float, typer.Option(min=0, max=1e6, help="Minutes of this process; 0 for no limit.")] = 0.0,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="journal:FILE, or an address of SQLAlchemy, which several processes may share.  "
            "[default: study.db in --out]",
            show_default=False,
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="Name of the study in the storage.  [default: that of --out]", show_default=False)
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune/--no-prune", help="Stop trials that are below the median of those before.")
    ] = True,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Seed of the search; that of training is training.seed.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(help="Directory of the trials.  [default: runs/DATASET-tune]", show_default=False),
    ] = None,
) -> None:
    """Search for the settings that validate best. The first trial has the settings as given. An existing study goes on.
    The test split is withheld.
    """
    from fearec_cli.cli.interrupts import stop_on_signals
    from fearec_cli.cli.show.console import make_console, print_list
    from fearec_cli.cli.show.extras import require
    from fearec_cli.components.registry import load_components
    from fearec_cli.config import Recipe, load_recipe
    from fearec_cli.runs.dataset import open_dataset
    from fearec_cli.system.atomic import behind_links, made_directory
    from fearec_cli.training.reporting import Stop
    from fearec_cli.training.run import RUNS

    require("tune")
    from optuna.trial import FrozenTrial, TrialState

    from fearec_cli.tuning.search import Budget, search
    from fearec_cli.tuning.space import read_space, values_of
    from fearec_cli.tuning.storage import open_storage, open_study

    if not trials and not minutes:
        raise ConfigError(["give a budget: --trials N, --minutes X, or both"])
    registry, console = load_components(), make_console()

    def make_recipe(values: Mapping[str, Any]) -> Recipe:
        # Over --set, which gives what a search begins with.
        own = (f"{name}={json.dumps(value)}" for name, value in values.items())
        return load_recipe(registry, preset=preset, file=config, assignments=[*(assignments or ()), *own])

    recipe = make_recipe({})
    if recipe.training.devices * recipe.training.nodes > 1:
        raise ConfigError(["training.devices: a trial trains in one process; start `fearec tune` once for each device"])
    space = read_space(searches or [], recipe)
    prepared = open_dataset(dataset)
    directory = out or RUNS / f"{prepared.name}-tune"
    if directory.is_dir() and any(
        not (entry.name.startswith((".", "trial-", "study.")) or entry.name == "best.toml")
        for entry in directory.iterdir()
    ):
        raise OutputError(f"{directory}: holds something other than a search; choose another --out")
    identity = {
        "data set": prepared.fingerprint,
        "space": ", ".join(map(str, space)),
    }
    first = values_of(recipe, [each.name for each in space])
    name = study or behind_links(directory).absolute().name
    if not is_name(name):
        raise ConfigError([f"--study {value(name)}: must be a printable name of 100 characters at most"])
    with made_directory(directory):
        kept = open_study(
            open_storage(storage, directory), name, identity, recipe.config, first, seed=seed, prune=prune
        )

    def show(trial: FrozenTrial, best: float | None, problem: str) -> None:
        values = ", ".join(f"{name} {_short(value)}" for name, value in trial.params.items())
        cut = f"cut short ({problem})" if problem else "cut short"
        became = f"{trial.value:.4f}" if trial.state is TrialState.COMPLETE else cut
        text = "" if best is None else f"; best {best:.4f}"
        console.print(f"trial {trial.number}: {values}: {became}{text}", soft_wrap=True)

    stop = Stop()
    with stop_on_signals(stop):
        found = search(
            kept, space, make_recipe, prepared, directory, budget=Budget(trials, minutes), stop=stop, on_trial=show
        )
    console.print(f"{found.completed} trials completed, {found.pruned} cut short: {directory}", soft_wrap=True)
    if found.importance:
        shares = [(name, f"{share:.1%}") for name, share in found.importance.items()]
        print_list(console, ("option", "share of what trials differ by"), shares)
    if found.best is not None and found.file is not None:
        training = recipe.training
        console.print(f"best: {training.metric} {found.best[0]:.4f} ({training.protocol}, valid): {found.file}")
        again = ["fearec", "train", dataset, "--config", str(found.file), "--seeds", "5"]
        console.print(f"next: {shlex.join(again)}", soft_wrap=True)
    if found.interrupted:
        console.print("continue: the same command goes on with the study")
        raise typer.Exit(130)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
