"""A whole run: data set, directory, processes, device, tracker; around the loop that trains."""

from contextlib import ExitStack
from pathlib import Path

from fearec_cli.config import Recipe
from fearec_cli.data.prepared import Prepared
from fearec_cli.devices.determinism import compute_deterministically, explaining_nondeterminism
from fearec_cli.devices.engine import Engine, launched
from fearec_cli.errors import ConfigError
from fearec_cli.runs.dataset import DEMO, check_dataset_named, dataset_of_run, open_dataset
from fearec_cli.runs.directory import claimed, has_begun, new_run_directory
from fearec_cli.runs.run_files import saved_metadata
from fearec_cli.runs.state import check_same
from fearec_cli.runs.trackers import check_tracker, tracked
from fearec_cli.system.memory import explaining_out_of_memory, free_memory
from fearec_cli.training.loop import Trainer
from fearec_cli.training.reporting import Beginning, Outcome, Reporter, Stop

RUNS = Path("runs")
_NO_ROOM_FOR_MODEL = "out of memory while the model was built: lower model.dim, or train on fewer items or users"


def train(
    recipe: Recipe,
    dataset: str | Prepared | None = None,
    *,
    name: str = "run",
    directory: Path | None = None,
    resume: bool = False,
    find_batch_size: bool = False,
    reporter: Reporter | None = None,
    stop: Stop | None = None,
) -> Outcome | None:
    """Train what a recipe describes, in as many processes as it names.

    Args:
        recipe: settings and components.
        dataset: a prepared data set, its directory, or its name under data/; without one the run's own where it is
            resumed, else the demo.
        name: of the run; without a `directory` it goes to runs/DATASET-NAME.
        directory: of the run.
        resume: go on with the run that lies in `directory`, or begin it there.
        find_batch_size: take the largest batch that fits into memory, where the run begins.
        reporter: follows the run; of the first process.
        stop: asks the run to end.

    Returns:
        How it ended; None in every process of a run but the first.

    Raises:
        FearecError: what is wrong with the input, the directory, the device, or a loss that is not finite.
    """
    check_tracker(recipe.training.track)
    check_dataset_named(dataset, directory, resume=resume)
    compute_deterministically(recipe.training.deterministic)
    with (
        launched(recipe.training) as engine,
        ExitStack() as claims,
        explaining_nondeterminism(),
        explaining_out_of_memory(lambda: _NO_ROOM_FOR_MODEL),
    ):

        def open_run() -> tuple[Prepared, Path | None]:
            going_on = directory is not None and resume and has_begun(directory)
            prepared = _open(dataset, directory if going_on else None)
            chosen = directory
            if engine.first:
                chosen = directory or new_run_directory(RUNS, f"{prepared.name}-{name}")
                claims.enter_context(claimed(chosen, resume=resume))
            if going_on and chosen is not None:  # named before anything is built of it
                check_same(chosen, saved_metadata(chosen), recipe.config, prepared.fingerprint)
            return prepared, chosen

        prepared, claimed_directory = engine.first_ahead(open_run)
        run_directory = Path(engine.processes.broadcast(str(claimed_directory)))
        going_on = bool(engine.processes.broadcast("yes" if resume and has_begun(run_directory) else ""))
        own = reporter if reporter is not None and engine.first else Reporter()
        if find_batch_size and not going_on:
            size = largest_batch(recipe, prepared, engine, own)
            recipe = recipe.with_training(batch_size=size)
            own.on_note(f"batch size {size:,}: the largest power of two that fits")
        if recipe.expectation and not going_on:
            own.on_note(f"preset {recipe.preset}: {recipe.expectation}")
        trainer = Trainer(recipe, prepared, run_directory, own, engine)
        if going_on:
            for warning in engine.first_ahead(trainer.resume):
                own.on_warning(warning)
            own.on_note(f"{run_directory}: goes on after step {trainer.step:,}")
        if recipe.training.track != "none" and engine.first:
            trainer.track = claims.enter_context(tracked(recipe.training.track, run_directory, recipe.config))
        own.on_start(
            Beginning(
                recipe.config,
                prepared,
                trainer.terms,
                trainer.parameters,
                trainer.steps_per_epoch,
                engine.description,
            )
        )
        with own:
            outcome = trainer.run(stop or Stop())
        return outcome if engine.first else None


def largest_batch(recipe: Recipe, prepared: Prepared, engine: Engine, reporter: Reporter) -> int:
    """The largest power of two of targets that a step can take, found by trying on a trainer of its own.

    Raises:
        ConfigError: the run has several processes.
        TrainingError: not even a few fit.
    """
    if engine.processes.size > 1:
        raise ConfigError(["--batch-size auto: tries on one device; find a size there and give it to all"])
    # Nothing is written: the directory is only named.
    size = Trainer(recipe, prepared, Path("unused"), reporter, engine).largest_batch()
    free_memory()
    return size


def _open(dataset: str | Prepared | None, of_run: Path | None) -> Prepared:
    if isinstance(dataset, Prepared):
        return dataset
    if dataset is None and of_run is not None:
        return dataset_of_run(of_run)
    return open_dataset(dataset or DEMO)
