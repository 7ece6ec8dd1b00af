"""`fearec report`: one page about a run."""

from pathlib import Path
from typing import Annotated

import typer

from fearec_cli.cli import completion
from fearec_cli.cli.arguments import Device, TrainedOn
from fearec_cli.errors import CheckpointError


def report(
    run: Annotated[Path, typer.Argument(help="Directory of a run.", autocompletion=completion.runs)],
    dataset: TrainedOn = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Page to write.  [default: report.html in the run]")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of draws and shuffles.")] = 0,
    device: Device = "auto",
) -> None:
    """Write one HTML page about a run: results, learning curves, settings, data, and a look inside its model.

    The page needs no network and no other file.
    """
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.cli.show.extras import require
    from fearec_cli.devices.placement import choose_device
    from fearec_cli.insight.inspection import inspect
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.runs.dataset import dataset_of
    from fearec_cli.runs.directory import BEST_FILE, RECORD_FILE
    from fearec_cli.runs.evaluation import evaluate_checkpoint
    from fearec_cli.runs.records import read_records
    from fearec_cli.system.outputs import check_output, is_page, write_output

    console = make_console()
    require("report")
    from fearec_cli.insight.page.contents import report_page

    if not (run / BEST_FILE).is_file():
        raise CheckpointError(f"{run}: has no {BEST_FILE}; give the directory of a run that `fearec train` wrote")
    target = out or run / "report.html"
    check_output(target, is_page)
    loaded = load_checkpoint(run / BEST_FILE, choose_device(device))
    prepared = dataset_of(loaded, dataset)
    with console.status("evaluating") as status:
        results = evaluate_checkpoint(loaded, prepared)
        found = inspect(
            loaded,
            prepared,
            evaluated=results.model,
            seed=seed,
            on_stage=lambda stage: status.update(f"looking at {stage}"),
        )
    write_output(target, report_page(run.name, loaded, prepared, results, read_records(run / RECORD_FILE), found))
    console.print(f"wrote {target}", soft_wrap=True)
