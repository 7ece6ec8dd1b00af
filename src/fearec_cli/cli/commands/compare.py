"""`fearec compare`: whether one system is better than another, or only luckier."""

import json
import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from fearec_cli.cli import completion
from fearec_cli.cli.arguments import Device
from fearec_cli.errors import ConfigError


def compare(
    systems: Annotated[
        list[Path],
        typer.Argument(
            metavar="A B...",
            autocompletion=completion.runs,
            help="Runs, checkpoints, saved ranks, directories of seeds; compared with the first.",
        ),
    ],
    data: Annotated[
        str | None, typer.Option(metavar="NAME", help="Data set.  [default: found under data/]", show_default=False)
    ] = None,
    metric: Annotated[str, typer.Option(metavar="NAMES", help="Metrics, separated by commas.")] = "NDCG@10",
    protocol: Annotated[
        Literal["both", "unmasked", "seen-masked"], typer.Option(help="Protocol of the ranks.")
    ] = "unmasked",
    split: Annotated[Literal["test", "valid"], typer.Option(help="Held-out split.")] = "test",
    detect: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Also say whether these seeds can show such a difference, as in 1%."),
    ] = None,
    draws: Annotated[
        int, typer.Option(min=100, max=1_000_000, help="Draws of the bootstrap and of the sign flips.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Of these draws.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every number there.")] = None,
    device: Device = "auto",
) -> None:
    """Compare systems user by user: interval of the difference, p value, effect size, verdict.

    Seeds of a system are pooled; several comparisons are corrected by Holm. Systems that were not judged on the same
    data, split and targets are an error.
    """
    from fearec_cli.cli.show.comparison import print_comparison
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.comparing.comparison import caution, conclusion, detection, to_json
    from fearec_cli.comparing.comparison import compare as measure
    from fearec_cli.comparing.judged import judge
    from fearec_cli.devices.placement import choose_device
    from fearec_cli.evaluation.metrics import parse_metric
    from fearec_cli.evaluation.ranks import RankProtocol
    from fearec_cli.system.outputs import STANDARD_OUTPUT, check_output, is_json_result, write_output

    if len(systems) < 2:
        raise ConfigError(["name two or more runs, checkpoints, saved ranks or directories of seeds"])
    share = None if detect is None else _share(detect)
    metrics = [name.strip() for name in metric.split(",")]
    for name in metrics:
        parse_metric(name)
    if json_file is not None:
        check_output(json_file, is_json_result)
    console, place = make_console(), choose_device(device)
    judged = []
    with console.status("ranking") as status:
        for path in systems:
            status.update(f"ranking {path}")
            judged.append(judge(path, dataset=data, part=split, device=place))
        status.update("drawing users")
        protocols: tuple[RankProtocol, ...] = ("unmasked", "seen-masked") if protocol == "both" else (protocol,)
        found = measure(judged, metrics, protocols, draws=draws, seed=seed)
    if json_file != STANDARD_OUTPUT:
        print_comparison(console, found, judged[0])
        sentences = [*map(conclusion, found), caution(judged)]
        if share is not None:
            sentences += [detection(each, share) for each in found]
        for sentence in filter(None, sentences):
            console.print(sentence)
    if json_file is not None:
        write_output(json_file, json.dumps(to_json(found, judged), indent=2) + "\n")
        if json_file != STANDARD_OUTPUT:
            console.print(f"wrote {json_file}", soft_wrap=True)


def _share(text: str) -> float:
    """A share, as in 1% or 0.01."""
    match = re.fullmatch(r"([0-9]{0,3}(?:\.[0-9]{1,9})?)(%?)", text.strip())
    if match is not None and match[1]:
        share = float(match[1]) / (100 if match[2] else 1)
        if 0 < share < 1:
            return share
    raise ConfigError([f"--detect {text[:20]}: give a share of the first system's value, such as 1% or 0.01"])
