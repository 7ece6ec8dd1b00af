"""`fearec export`: a model as an ONNX file, for services without torch."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from fearec_cli.cli.arguments import CheckpointFile
from fearec_cli.errors import ConfigError


def export(
    checkpoint: CheckpointFile,
    format_: Annotated[Literal["onnx"], typer.Option("--format", help="Format of the file.")] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file.  [default: CKPT, ending in .onnx]", show_default=False),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(min=1, metavar="K", help="Answer with the K best items instead of the score of every item."),
    ] = None,
    seen: Annotated[
        Literal["exclude", "include"], typer.Option(help="Whether items of the history are among the K best.")
    ] = "exclude",
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Write a model as ONNX, with its item ids in FILE.items.json.

    It is compared with PyTorch on histories of every length first; where it answers otherwise, nothing is written.
    """
    from fearec_cli.cli.show.extras import require
    from fearec_cli.cli.show.listing import make_console

    require("onnx")

    from fearec_cli.devices.placement import choose_device
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.runs.hub import on_hub
    from fearec_cli.serving.onnx.file import check_free, export_onnx, items_file

    console = make_console()
    if out is None and on_hub(checkpoint):
        raise ConfigError([f"{checkpoint}: name a file for its ONNX form by --out FILE.onnx"])
    file = checkpoint.with_suffix(".onnx") if out is None else out
    check_free(file, force=force)
    loaded = load_checkpoint(checkpoint, choose_device("cpu"))
    with console.status("exporting"):
        parity = export_onnx(loaded, file, k=top_k, seen=seen)
    left_out = f"; {parity.on_edge} left out, where PyTorch's own scores jump" if parity.on_edge else ""
    console.print(
        f"as PyTorch on {parity.histories:,} histories of every length: scores differ by {parity.difference:.0e} of "
        f"the largest at most{left_out}",
        soft_wrap=True,
    )
    console.print(f"wrote {file} and {items_file(file)}", soft_wrap=True)
