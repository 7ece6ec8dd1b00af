"""`fearec evaluate`: the metrics of a checkpoint with their intervals, under both protocols, beside baselines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fearec_cli.cli.arguments import CheckpointFile, Device, TrainedOn
from fearec_cli.errors import ConfigError
from fearec_cli.system.text import value

if TYPE_CHECKING:
    from rich.console import Console


def evaluate(
    checkpoint: CheckpointFile,
    dataset: TrainedOn = None,
    split: Annotated[Literal["test", "valid"], typer.Option(help="Held-out split.")] = "test",
    protocol: Annotated[
        Literal["both", "unmasked", "seen-masked"],
        typer.Option(help="Rank among all items, or among those the user has not seen."),
    ] = "both",
    k: Annotated[
        str | None, typer.Option("--k", help="Lengths of the list.  [default: 5,10,20]", show_default=False)
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Also report by length of history, popularity of the item, and time.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the result there, unrounded.")] = None,
    save_ranks: Annotated[
        Path | None, typer.Option("--save-ranks", metavar="FILE.parquet", help="Write the rank of every target there.")
    ] = None,
    lists: Annotated[
        bool,
        typer.Option(
            "--lists", help="Also report how much of the catalogue is recommended, how popular and how alike it is."
        ),
    ] = False,
    leak_check: Annotated[
        bool,
        typer.Option(
            "--leak-check", help="Check for leaks: change what comes after the predicted moment; no score may move."
        ),
    ] = False,
    shuffle_check: Annotated[
        bool,
        typer.Option("--shuffle-check", help="Also report what is left of the metrics when histories are shuffled."),
    ] = False,
    device: Device = "auto",
) -> None:
    """Rank every held-out item among the whole catalogue, beside baselines that learn nothing."""
    import json
    from dataclasses import asdict

    from fearec_cli.cli.show.console import make_console
    from fearec_cli.devices.placement import choose_device
    from fearec_cli.evaluation.ranks_file import check_ranks_place, write_ranks
    from fearec_cli.evaluation.shown import leaks_to_text, lists_table, shuffled_table, to_json, to_text
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.runs.dataset import dataset_of
    from fearec_cli.runs.evaluation import (
        check_leaks_of,
        evaluate_checkpoint,
        evaluate_shuffled_histories,
        list_metrics_of,
    )
    from fearec_cli.system.outputs import STANDARD_OUTPUT, check_output, is_json_result, write_output

    console = make_console()
    ks = None if k is None else _parse_ks(k)
    if json_file is not None:
        check_output(json_file, is_json_result)
    if save_ranks is not None:
        check_ranks_place(save_ranks)
    loaded = load_checkpoint(checkpoint, choose_device(device))
    prepared = dataset_of(loaded, dataset)
    with _progress(console) as show:
        report = evaluate_checkpoint(
            loaded,
            prepared,
            split=split,
            ks=ks,
            protocols=("unmasked", "seen-masked") if protocol == "both" else (protocol,),
            on_progress=show,
        )
    console.print(to_text(report, with_slices=slices, width=min(console.width, 80)))
    more: dict[str, Any] = {}
    if lists:
        recommended = list_metrics_of(loaded, prepared, split, report.main_k)
        recommended = {name: recommended[name] for name in report.protocols}
        console.print(lists_table(recommended))
        more["lists"] = {name: asdict(each) for name, each in recommended.items()}
    if leak_check:
        leaks = check_leaks_of(loaded, prepared, split)
        console.print(leaks_to_text(leaks), soft_wrap=True)
        more["leak-check"] = asdict(leaks)
    if shuffle_check:
        remains = evaluate_shuffled_histories(loaded, prepared, split, (report.main_k,))
        remains = {name: remains[name] for name in report.protocols}
        console.print(shuffled_table(remains))
        more["shuffle-check"] = {
            name: {metric: asdict(each) for metric, each in found.items()} for name, found in remains.items()
        }
    if save_ranks is not None:
        write_ranks(save_ranks, report.header, prepared, report.model)
        console.print(f"wrote {save_ranks}", soft_wrap=True)
    if json_file is not None:
        result = {**to_json(report, with_slices=slices), **more}
        write_output(json_file, json.dumps(result, indent=2) + "\n")
        if json_file != STANDARD_OUTPUT:
            console.print(f"wrote {json_file}", soft_wrap=True)


@contextmanager
def _progress(console: "Console") -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal."""
    from rich.progress import Progress

    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("ranking", total=None)
        yield lambda done, targets: bar.update(task, completed=done, total=targets)


def _parse_ks(text: str) -> tuple[int, ...]:
    """Lengths of the list, as in "5,10,20"."""
    from fearec_cli.evaluation.metrics import parse_k

    ks = tuple(k for part in text.split(",") if (k := parse_k(part)) is not None)
    if len(ks) <= text.count(","):
        raise ConfigError([f"--k {value(text)}: give whole numbers from 1, separated by commas, as in --k 5,10,20"])
    return ks
