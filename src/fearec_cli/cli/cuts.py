"""`fearec train --cuts`: one configuration on each cut of a log, and what they came to together."""

import shlex
from pathlib import Path

import typer
from rich.console import Console

from fearec_cli.cli.interrupts import stop_on_signals
from fearec_cli.cli.show.console import make_console
from fearec_cli.cli.show.progress import make_reporter
from fearec_cli.cli.show.seeds import print_spreads
from fearec_cli.comparing.found import find_results
from fearec_cli.comparing.rows import rows_of
from fearec_cli.config import Recipe
from fearec_cli.data.prepared import DATA, Prepared, is_prepared, open_prepared
from fearec_cli.data.preparing.rolling import MOST, cut_directory
from fearec_cli.devices.placement import choose_device
from fearec_cli.errors import ConfigError, DataError
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.runs.directory import claimed, new_run_directory
from fearec_cli.significance.student import Spread
from fearec_cli.training.reporting import Stop
from fearec_cli.training.run import RUNS, train
from fearec_cli.training.seeds import evaluate_run


def first_cut(directory: Path | None) -> Path | None:
    """Where the run of the first cut lies, whose settings all share."""
    return None if directory is None else _place(directory, 1)


def train_cuts(recipe: Recipe, dataset: str | None, *, directory: Path | None, resume: bool) -> None:
    """Train on each cut, evaluate each, and print mean, deviation and interval over them.

    Args:
        recipe: what is trained.
        dataset: what the cuts' names begin with: NAME of data/NAME-cut-1, or a path.
        directory: gets cut-1/, cut-2/, ...
        resume: go on in `directory`.

    Raises:
        FearecError: what training raises; no cuts are prepared; several processes are asked for.
        typer.Exit: 130, where it was interrupted.
    """
    if recipe.training.devices * recipe.training.nodes > 1:
        raise ConfigError(["--cuts: trains in one process; train on each cut by a `fearec train` of its own"])
    cuts, console = _open(dataset), make_console(goes_on=True)
    directory = directory or new_run_directory(RUNS, f"{Path(dataset or '').name}-{recipe.preset}-cuts")
    device = choose_device(recipe.training.device)
    stop = Stop()
    if not resume:
        with claimed(directory, resume=False):  # a run has a lock of its own in each cut's directory
            pass
    with stop_on_signals(stop):
        for number, prepared in enumerate(cuts, 1):
            console.print(f"cut {number} of {len(cuts)}:")
            own = _place(directory, number)
            # A cut that is done is at its end, and one that has not begun begins.
            outcome = train(recipe, prepared, directory=own, resume=True, reporter=make_reporter(), stop=stop)
            if outcome is None or outcome.reason == "interrupted":
                again = ["fearec", "train", str(dataset), "--cuts", "--resume", "--out", str(directory)]
                console.print(f"continue: {shlex.join(again)}", soft_wrap=True)
                raise typer.Exit(130)
            evaluate_run(own, prepared, device)
    _show(console, directory, cuts)


def _open(dataset: str | None) -> list[Prepared]:
    """Every cut, the earliest first.

    Raises:
        ConfigError: no data set is named.
        DataError: there are not two or more.
    """
    if dataset is None:
        raise ConfigError(
            ["--cuts: name what the cuts are called: fearec train NAME --cuts trains on data/NAME-cut-1, ..."]
        )
    for base in (Path(dataset), DATA / dataset):
        found: list[Prepared] = []
        while len(found) < MOST and is_prepared(place := cut_directory(base, len(found) + 1)):
            found.append(open_prepared(place))
        if len(found) > 1:
            return found
    raise DataError(
        f"{dataset}: no cuts are prepared as {cut_directory(DATA / dataset, 1)} and so on; prepare them: "
        "fearec prepare SOURCE --split global-time --cuts 4"
    )


def _place(directory: Path, number: int) -> Path:
    return directory / f"cut-{number}"


def _show(console: Console, directory: Path, cuts: list[Prepared]) -> None:
    """The test numbers over the cuts, from what the runs left."""
    results, _ = find_results([directory])
    fingerprints = [prepared.fingerprint for prepared in cuts]
    for row in rows_of((result for result in results if result.part == "test"), pool=True):
        if row.cuts != fingerprints:
            continue
        spreads: dict[RankProtocol, dict[str, Spread]] = {}
        for protocol, metrics in row.first.metrics.items():
            for name in metrics:
                if found := row.spread(f"{protocol} {name}"):
                    spreads.setdefault(protocol, {})[name] = found
        title = f"{row.data}, test; intervals are Student's, of the mean over cuts"
        print_spreads(console, title, spreads)
    console.print(f"{len(cuts)} cuts done: {directory}", soft_wrap=True)
    console.print(f"next: {shlex.join(['fearec', 'results', str(directory), '--no-pool'])}", soft_wrap=True)
