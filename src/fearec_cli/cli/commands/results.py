"""`fearec results`: every result below some directories, in one table."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from fearec_cli.errors import ConfigError


def results(
    directories: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="Directories to search for runs and results.")
    ],
    metric: Annotated[str, typer.Option(metavar="NAMES", help="Metrics, separated by commas.")] = "NDCG@10,HR@10",
    split: Annotated[Literal["both", "test", "valid"], typer.Option(help="Held-out split of the results.")] = "both",
    pool: Annotated[
        bool, typer.Option("--pool/--no-pool", help="One row for runs that differ only in their seed.")
    ] = True,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the rows there; - is standard output.")
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the table there, likewise.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write every number there, likewise.")
    ] = None,
) -> None:
    """List what runs recorded and evaluations wrote, with the settings in which they differ."""
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.cli.show.results import print_results
    from fearec_cli.comparing.found import find_results
    from fearec_cli.comparing.listing import Listing
    from fearec_cli.system.outputs import STANDARD_OUTPUT, check_output, write_output

    outputs = (
        (csv_file, lambda head: head.startswith("path,data,fingerprint,")),
        (markdown_file, lambda head: "| path |" in head),
        (json_file, lambda head: head.startswith('{\n  "results": [')),
    )
    for file, is_ours in outputs:
        if file is not None:
            check_output(file, is_ours)
    if [file for file, _ in outputs].count(STANDARD_OUTPUT) > 1:
        raise ConfigError(["--csv, --markdown, --json: one of them can go to standard output"])
    found, problems = find_results(directories)
    for problem in problems:
        typer.echo(f"warning: {problem}; passed over", err=True)
    chosen = [result for result in found if split in ("both", result.part)]
    places = ", ".join(map(str, directories))
    if not chosen:
        part = "" if split == "both" else f" on the {split} part"
        raise ConfigError([f"{places}: no result{part} below; `fearec evaluate --json FILE` and runs leave them"])
    names = [name.strip() for name in metric.split(",") if name.strip()]
    listing = Listing.of(chosen, names, pool=pool)
    if not listing.metrics:
        there = sorted({name for result in chosen for metrics in result.metrics.values() for name in metrics})
        raise ConfigError([f"--metric {metric}: no result below {places} has it; there are: {', '.join(there)}"])
    console = make_console()
    if STANDARD_OUTPUT not in (csv_file, markdown_file, json_file):
        print_results(console, listing)
    for file, text in ((csv_file, listing.to_csv), (markdown_file, listing.to_markdown), (json_file, listing.to_json)):
        if file is not None:
            write_output(file, text())
            if file != STANDARD_OUTPUT:
                console.print(f"wrote {file}", soft_wrap=True)
