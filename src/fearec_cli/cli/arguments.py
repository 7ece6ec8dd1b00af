"""Arguments that several commands have alike."""

from pathlib import Path
from typing import Annotated

import typer

from fearec_cli.cli import completion

CheckpointFile = Annotated[
    Path,
    typer.Argument(
        help="A run's directory, a checkpoint that `fearec train` wrote, or hub:OWNER/NAME[@REVISION].",
        autocompletion=completion.runs,
    ),
]
TrainedOn = Annotated[
    str | None,
    typer.Argument(
        help="The data set it was trained on.  [default: found under data/ by its fingerprint]",
        show_default=False,
        autocompletion=completion.data_sets,
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
