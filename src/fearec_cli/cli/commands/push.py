"""`fearec push`: a model on the Hugging Face Hub."""

from pathlib import Path
from typing import Annotated

import typer

from fearec_cli.cli.arguments import CheckpointFile


def push(
    checkpoint: CheckpointFile,
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Repository of the Hub; created if missing.")],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public.")] = False,
    license_: Annotated[
        str | None, typer.Option("--license", metavar="NAME", help="Licence of the model, as the Hub names it: mit.")
    ] = None,
    data_license: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Licence of the data it was trained on, named in its card.")
    ] = None,
    result: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="What `fearec evaluate --json` wrote of it: metrics with intervals, for its card."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Add a commit to an existing repository, replacing its files.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the card and send nothing.")] = False,
) -> None:
    """Put a checkpoint on the Hub, with a card written from its own metadata.

    The file holds item ids, and no users. Log in with `hf auth login`, or set HF_TOKEN.
    """
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.devices.placement import choose_device
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.serving.card import model_card
    from fearec_cli.serving.evaluated import read_evaluated
    from fearec_cli.serving.push import check_repository
    from fearec_cli.serving.push import push as send

    check_repository(repository)
    console = make_console()
    loaded = load_checkpoint(checkpoint, choose_device("cpu"))  # whole, and what it says it is
    evaluated = None if result is None else read_evaluated(result, loaded)
    card = model_card(loaded, repository, license_=license_, data_license=data_license, evaluated=evaluated)
    if dry_run:
        typer.echo(card)
        return
    with console.status("sending"):
        place = send(loaded.path, card, repository, private=not public, replace=force)
    console.print(f"pushed: {place}", soft_wrap=True)
