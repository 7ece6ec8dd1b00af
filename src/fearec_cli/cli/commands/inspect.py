"""`fearec inspect`: what the frequencies, periods and branches of a model mean."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fearec_cli.cli.arguments import CheckpointFile, Device, TrainedOn
from fearec_cli.errors import ConfigError


def inspect(
    checkpoint: CheckpointFile,
    dataset: TrainedOn = None,
    user: Annotated[str | None, typer.Option(metavar="ID", help="Also look at this user of the data set.")] = None,
    history: Annotated[
        str | None, typer.Option(metavar="ID,ID,...", help="Also look at this history, oldest item first.")
    ] = None,
    beside: Annotated[
        Path | None,
        typer.Option(
            metavar="CKPT",
            help="Another model of the same data set to compare with, such as one with attention dot only.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with pictures.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every number.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Draw the pictures in the terminal.")] = False,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of draws and shuffles.")] = 0,
    device: Device = "auto",
) -> None:
    """Look inside a model: what its filters pass, which periods the log has and the model finds, who gains from it.

    Periods are compared with shuffled histories, and their probabilities are corrected for the number of lags.
    """
    from fearec_cli.cli.show.console import make_console, print_line
    from fearec_cli.cli.show.extras import require
    from fearec_cli.devices.placement import choose_device
    from fearec_cli.insight.inspection import inspect as measure
    from fearec_cli.insight.inspection import to_json
    from fearec_cli.insight.sentences import sentences
    from fearec_cli.insight.subject import with_subject
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.runs.dataset import dataset_of
    from fearec_cli.system.outputs import check_output, is_json_result, is_page, write_output

    console = make_console()
    if user is not None and history is not None:
        raise ConfigError(["--user and --history: give one of the two"])
    for output, is_ours in ((json_file, is_json_result), (html, is_page)):
        if output is not None:
            check_output(output, is_ours)
    if html is not None or plain:
        require("report")
    place = choose_device(device)
    loaded = load_checkpoint(checkpoint, place)
    prepared = dataset_of(loaded, dataset)
    other = None if beside is None else load_checkpoint(beside, place)
    if other is not None and other.info.fingerprint != loaded.info.fingerprint:
        raise ConfigError([f"--beside {beside}: was trained on another data set; only models of the same are compared"])
    with console.status("looking") as status:
        found = measure(
            loaded, prepared, beside=other, seed=seed, on_stage=lambda stage: status.update(f"looking at {stage}")
        )
    found = with_subject(found, loaded, prepared, user=user, history=history)
    for sentence in sentences(found):
        print_line(console, f"- {sentence}")
    if found.user is not None:
        for branch, items in found.user.recommended.items():
            console.print(f"recommended by {branch}: {', '.join(items)}", soft_wrap=True)
    if plain:
        from fearec_cli.insight.page.figures import figures
        from fearec_cli.insight.page.terminal import draw

        for figure in figures(found):
            typer.echo(draw(figure, min(console.width, 120), colour=console.is_terminal))
    if json_file is not None:
        write_output(json_file, json.dumps({"fingerprint": prepared.fingerprint, **to_json(found)}, indent=2) + "\n")
        console.print(f"wrote {json_file}", soft_wrap=True)
    if html is not None:
        from fearec_cli.insight.page.contents import inspection_page

        write_output(html, inspection_page(loaded, prepared, found))
        console.print(f"wrote {html}", soft_wrap=True)
