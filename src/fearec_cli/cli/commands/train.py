"""`fearec train`: from a prepared data set to a checkpoint."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fearec_cli.cli import completion
from fearec_cli.cli.settings_options import given, naming_flags, settings_options, with_options
from fearec_cli.config.loading import PUBLISHED_PRESET, RECOMMENDED_PRESET
from fearec_cli.config.sections import TrainingConfig
from fearec_cli.errors import ConfigError

_LOOP = ("targets", "learning_rate", "epochs", "max_steps", "time_limit", "patience", "seed")
_DEVICES = ("device", "devices", "nodes", "precision", "deterministic")


@with_options(
    settings_options(TrainingConfig, _LOOP, panel="Loop"),
    settings_options(TrainingConfig, _DEVICES, panel="Devices"),
    settings_options(TrainingConfig, ("track",), panel="Output"),
    before="out",
)
def train(
    dataset: Annotated[
        str | None,
        typer.Argument(
            help="A prepared directory, or the name of one under data/; demo is made on first use.  "
            "[default: demo; the run's own with --resume]",
            show_default=False,
            autocompletion=completion.data_sets,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help=f"Model to start from.  [default: {RECOMMENDED_PRESET}; {PUBLISHED_PRESET} with components of yours]",
            autocompletion=completion.presets,
            rich_help_panel="Model",
        ),
    ] = None,
    attention: Annotated[
        str | None, typer.Option(help="Branches, as in ramp+autocorr.", rich_help_panel="Model")
    ] = None,
    layer_filter: Annotated[
        str | None, typer.Option("--filter", help="Frequency filter of the layers.", rich_help_panel="Model")
    ] = None,
    fusion: Annotated[str | None, typer.Option(help="Joins the branches.", rich_help_panel="Model")] = None,
    loss: Annotated[
        str | None, typer.Option(help="Weighted terms, as in ce+0.1*contrast.", rich_help_panel="Model")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file of settings, over the preset.", rich_help_panel="Model")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME.OPTION=VALUE",
            help="Any option, as in autocorr.top_k=1.0; `fearec components NAME` lists those of NAME.",
            rich_help_panel="Model",
        ),
    ] = None,
    batch_size: Annotated[
        str | None,
        typer.Option(
            metavar="N|auto",
            help=f"Targets a step; auto finds the most that fit into memory.  [default: {TrainingConfig().batch_size}]",
            rich_help_panel="Loop",
        ),
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N|LIST",
            help="Train once with each seed, 1 to N or those of a list such as 1,2,5, and summarise them.",
            rich_help_panel="Loop",
        ),
    ] = None,
    cuts: Annotated[
        bool,
        typer.Option(
            "--cuts",
            help="Train once on each of DATASET-cut-1, DATASET-cut-2, ..., as `prepare --cuts` leaves them, and "
            "summarise them.",
            rich_help_panel="Loop",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Directory of the run.  [default: runs/DATASET-PRESET]", rich_help_panel="Output"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out, or begin it there.", rich_help_panel="Output"),
    ] = False,
    **settings: Any,
) -> None:
    """Train a model and keep the weights that validate best."""
    from fearec_cli.cli.cuts import first_cut, train_cuts
    from fearec_cli.cli.interrupts import stop_on_signals
    from fearec_cli.cli.seeds import parse_seeds, train_several
    from fearec_cli.cli.show.console import print_line
    from fearec_cli.cli.show.progress import describe_memory, make_reporter
    from fearec_cli.cli.show.train_report import ending, next_commands
    from fearec_cli.components.registry import load_components
    from fearec_cli.runs.run_toml import recipe_to_train
    from fearec_cli.runs.seeds import is_seeds
    from fearec_cli.training.reporting import Stop
    from fearec_cli.training.run import train as run

    if settings["max_steps"] == 0 and not resume:  # in a file it means no limit, and a user who types it means none
        raise ConfigError(["--max-steps: must be at least 1; leave it out for no limit"])
    if resume and out is None:
        raise ConfigError(["--resume: name the run's directory with --out"])
    if cuts and (seeds is not None or batch_size == "auto"):
        raise ConfigError(
            ["--cuts: does not go with --seeds or --batch-size auto; train with each --seed into an --out of its own"]
        )
    several = None if seeds is None else parse_seeds(seeds, settings, batch_size)
    find_batch_size = batch_size == "auto"
    settings = {**settings, "batch_size": None if find_batch_size else batch_size}
    choices = {"attention": attention, "filter": layer_filter, "fusion": fusion, "loss": loss}
    try:
        recipe = recipe_to_train(
            load_components(),
            first_cut(out) if cuts else out,
            resume=resume,
            preset=preset,
            file=config,
            flags={**choices, **given(settings, "training")},
            assignments=assignments or (),
            keep_batch_size=find_batch_size,
        )
    except ConfigError as error:
        raise naming_flags(error, "training", settings) from error
    if cuts:
        train_cuts(recipe, dataset, directory=out, resume=resume)
        return
    if several is not None or (resume and out is not None and is_seeds(out)):
        train_several(recipe, dataset, several, directory=out, resume=resume)
        return
    stop, reporter = Stop(), make_reporter()
    with stop_on_signals(stop):
        outcome = run(
            recipe,
            dataset,
            name=recipe.preset,
            directory=out,
            resume=resume,
            find_batch_size=find_batch_size,
            reporter=reporter,
            stop=stop,
        )
    if outcome is None:  # another process of the run reports
        return
    end, weights = ending(outcome, recipe.config, describe_memory())
    print_line(reporter.console, end)
    print_line(reporter.console, weights)
    for command in next_commands(outcome, dataset):
        reporter.console.print(command, soft_wrap=True)
    if outcome.reason == "interrupted":
        raise typer.Exit(130)
