"""`fearec train`: from a prepared data set to a checkpoint."""

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from fearec_cli.errors import ConfigError

_NO_ROOM_FOR_MODEL = "out of memory while the model was built: lower model.dim, or train on fewer items or users"


def train(
    dataset: Annotated[
        str | None,
        typer.Argument(
            help="A prepared directory, or the name of one under data/; demo is made on first use.  "
            "[default: demo; the run's own with --resume]"
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Published model to start from.  [default: fearec]")] = None,
    attention: Annotated[str | None, typer.Option(help="Branches, as in ramp+autocorr.")] = None,
    layer_filter: Annotated[str | None, typer.Option("--filter", help="Frequency filter of the layers.")] = None,
    fusion: Annotated[str | None, typer.Option(help="Head that joins the branches.")] = None,
    loss: Annotated[str | None, typer.Option(help="Weighted terms, as in ce+0.1*contrast.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME.OPTION=VALUE", help="Any option, as in autocorr.top_k=1.0."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file over the preset.")] = None,
    batch_size: Annotated[
        str | None, typer.Option(metavar="N|auto", help="Prefixes a step; auto finds the most that fit into memory.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, order, dropout and draws.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:1.")] = None,
    devices: Annotated[int | None, typer.Option(help="Devices of each node, a process for each.")] = None,
    nodes: Annotated[int | None, typer.Option(help="Machines that share the run.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="Of the encoder: 32-true, bf16-mixed, bf16-true or 16-mixed.")
    ] = None,
    deterministic: Annotated[
        bool | None, typer.Option("--deterministic", help="Same seed, same bits on a GPU too.", show_default=False)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training prefixes, at most.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Optimiser steps, at most.")] = None,
    time_limit: Annotated[float | None, typer.Option(help="Minutes of training, at most.")] = None,
    track: Annotated[
        str | None, typer.Option(help="Also send the records to tensorboard or wandb.", metavar="NAME")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the run.  [default: runs/DATASET-PRESET]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out with its own settings.")] = False,
) -> None:
    """Train a model and keep the weights that validate best."""
    from fearec_cli.cli.interrupts import stop_on_signals
    from fearec_cli.cli.show.progress import SilentReporter, console, describe_memory, make_reporter
    from fearec_cli.components.registry import load_components
    from fearec_cli.config import DEFAULT_PRESET, load_recipe
    from fearec_cli.data.prepared import Prepared
    from fearec_cli.devices.determinism import compute_deterministically, nondeterminism_told
    from fearec_cli.devices.engine import launched
    from fearec_cli.runs.dataset import DEMO, dataset_of_run, open_dataset
    from fearec_cli.runs.directory import RUN_FILE, claimed, new_run_directory
    from fearec_cli.runs.trackers import check_tracker, tracked
    from fearec_cli.system.memory import free_memory, out_of_memory_told
    from fearec_cli.training.loop import Trainer
    from fearec_cli.training.reporting import Stop

    if resume:
        _check_resume(out, preset, config, batch_size)
    preset = preset or DEFAULT_PRESET
    registry = load_components()
    recipe = load_recipe(
        registry,
        preset=preset,
        file=out / RUN_FILE if resume and out is not None else config,
        flags={
            "attention": attention,
            "filter": layer_filter,
            "fusion": fusion,
            "loss": loss,
            "training.batch_size": None if batch_size == "auto" else batch_size,
            "training.seed": seed,
            "training.device": device,
            "training.devices": devices,
            "training.nodes": nodes,
            "training.precision": precision,
            "training.deterministic": deterministic,
            "training.epochs": epochs,
            "training.max_steps": max_steps,
            "training.time_limit": time_limit,
        },
        assignments=assignments or (),
    )
    stop = Stop()
    tracker = None if track is None else check_tracker(track)
    compute_deterministically(recipe.training.deterministic)
    with (
        launched(recipe.training) as engine,
        ExitStack() as claims,
        nondeterminism_told(),
        out_of_memory_told(lambda: _NO_ROOM_FOR_MODEL),
    ):

        def open_run() -> tuple[Prepared, Path | None]:
            of_run = dataset_of_run(out) if resume and out is not None and dataset is None else None
            prepared = of_run or open_dataset(dataset or DEMO)
            directory = out
            if engine.first:
                directory = out or new_run_directory(Path("runs"), f"{prepared.name}-{preset}")
                claims.enter_context(claimed(directory, resume=resume))
            return prepared, directory

        prepared, claimed_directory = engine.first_ahead(open_run)
        directory = Path(engine.processes.tell(str(claimed_directory)))
        reporter = make_reporter() if engine.first else SilentReporter()
        if batch_size == "auto":
            if engine.processes.size > 1:
                raise ConfigError(["--batch-size auto: tries on one device; find a size there and give it to all"])
            size = Trainer(recipe, prepared, directory, reporter, engine).largest_batch()
            recipe = recipe.with_training(batch_size=size)
            free_memory()
            console.print(f"batch size {size:,}: the largest power of two that fits")
        trainer = Trainer(recipe, prepared, directory, reporter, engine)
        if resume:
            for warning in engine.first_ahead(trainer.resume):
                if engine.first:
                    typer.echo(f"warning: {warning}", err=True)
        if tracker is not None and engine.first:
            reporter.track = claims.enter_context(tracked(tracker, directory, recipe.config))
        reporter.start(trainer, recipe.config, prepared)
        with stop_on_signals(stop), reporter:
            outcome = trainer.run(stop)
        if not engine.first:
            return

    best = outcome.best
    value = "not validated"
    if best is not None:
        value = f"{recipe.training.metric} {best.value:.4f} ({recipe.training.protocol}, valid), epoch {best.epoch}"
    console.print(
        f"stopped by {outcome.reason} after {outcome.place.step:,} steps; "
        f"{outcome.prefixes_per_second:,.0f} prefixes/s, peak memory {describe_memory()}"
    )
    console.print(f"best: {value}: {outcome.checkpoint}", soft_wrap=True)
    console.print(f"next: {shlex.join(['fearec', 'evaluate', str(outcome.checkpoint)])}", soft_wrap=True)
    if outcome.reason == "interrupted":
        again = shlex.join(["fearec", "train", *([dataset] if dataset else []), "--resume", "--out", str(directory)])
        console.print(f"continue: {again}", soft_wrap=True)
        raise typer.Exit(130)


def _check_resume(out: Path | None, preset: str | None, config: Path | None, batch_size: str | None) -> None:
    """Refuse what --resume would have to ignore, and a directory that holds no run."""
    problems = []
    if out is None:
        problems.append("--resume: name the run's directory with --out")
    elif not out.is_dir():
        problems.append(f"--resume: {out} is no directory of a run; start the run without --resume")
    if batch_size == "auto":
        problems.append("--resume: goes on with the run's own settings; leave --batch-size auto out")
    for option, value in (("--preset", preset), ("--config", config)):
        if value is not None:
            problems.append(f"--resume: goes on with the run's own settings; leave {option} out")
    if problems:
        raise ConfigError(problems)
