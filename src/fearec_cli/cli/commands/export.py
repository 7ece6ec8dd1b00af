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
    quantize: Annotated[
        Literal["int8"] | None, typer.Option(help="Write weights in 8 bits: a smaller file, whose scores differ.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATASET", help="Data set that it was trained on, to measure what --quantize costs."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Write a model as ONNX, with its item ids in FILE.items.json.

    It is first compared with PyTorch on histories of every length; where the answers differ, nothing is written.
    """
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.cli.show.extras import require

    require("onnx")

    from fearec_cli.devices.placement import choose_device
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.runs.dataset import dataset_of
    from fearec_cli.runs.hub import on_hub
    from fearec_cli.serving.onnx.file import check_free, export_onnx, items_file

    console = make_console()
    if data is not None and quantize is None:
        raise ConfigError(["--data: only goes with --quantize; leave it out"])
    if out is None and on_hub(checkpoint):
        raise ConfigError([f"{checkpoint}: name the ONNX file with --out FILE.onnx"])
    file = checkpoint.with_suffix(".onnx") if out is None else out
    check_free(file, force=force)
    loaded = load_checkpoint(checkpoint, choose_device("cpu"))
    prepared = None if data is None else dataset_of(loaded, data)
    with console.status("exporting"):
        parity, cost = export_onnx(loaded, file, k=top_k, seen=seen, quantize=quantize is not None, prepared=prepared)
    left_out = f"; {parity.on_edge} left out, where PyTorch's own scores jump" if parity.on_edge else ""
    console.print(
        f"as PyTorch on {parity.histories:,} histories of every length: scores differ by {parity.difference:.0e} of "
        f"the largest at most{left_out}",
        soft_wrap=True,
    )
    if cost is not None:
        console.print(f"in 8 bits: {cost.shared:.1%} of the 10 best items are PyTorch's", soft_wrap=True)
    if cost is not None and cost.targets:
        console.print(
            f"in 8 bits: NDCG@10 {cost.ndcg:.4f}, PyTorch {cost.pytorch:.4f}; {cost.targets:,} test targets, unmasked",
            soft_wrap=True,
        )
    console.print(f"wrote {file} and {items_file(file)}", soft_wrap=True)
