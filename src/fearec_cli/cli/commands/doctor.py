"""`fearec doctor`: what is installed and found here, and what is wrong with any of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fearec_cli.system.diagnosis import Finding


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Print versions, devices, memory, threads, plugins and caches, and what is wrong with any of them.

    Exit status: 0 if nothing is wrong, 2 otherwise.
    """
    import json
    from dataclasses import asdict

    findings = list(_findings())
    problems = [finding for finding in findings if finding.problem]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    if problems:
        raise typer.Exit(2)


def _findings() -> Iterator["Finding"]:
    from fearec_cli.system import diagnosis

    yield from diagnosis.packages()
    yield from diagnosis.devices()
    yield from diagnosis.memory()
    yield from diagnosis.threads()
    yield _kernels()
    yield from _plugins()
    yield _hub_cache()
    yield from _data_sets()
    yield from _runs()


def _kernels() -> "Finding":
    import os

    from fearec_cli.errors import ConfigError
    from fearec_cli.kernels import check_mode
    from fearec_cli.system.diagnosis import Finding

    problem = ""
    try:
        check_mode()
    except ConfigError as error:
        problem = str(error)
    mode = os.environ.get("FEAREC_KERNELS", "auto")
    return Finding("kernels", "FEAREC_KERNELS", mode, problem)


def _plugins() -> Iterator["Finding"]:
    """The packages of components and adapters, and every plugin that cannot be used."""
    from fearec_cli.components.registry import load_adapters, load_components
    from fearec_cli.errors import PluginError
    from fearec_cli.system.diagnosis import Finding

    offered: dict[str, list[str]] = {}
    for what, load in (("components", load_components), ("adapters", load_adapters)):
        try:
            registry = load()
        except PluginError as error:
            yield Finding("plugins", what, "none can be used", str(error))
            continue
        packages = [f"{entry.package} {entry.version}".strip() for entry in registry]
        for package in dict.fromkeys(packages):
            offered.setdefault(package, []).append(f"{packages.count(package)} {what}")
        for broken in registry.broken:
            problem = f"{broken}; upgrade or uninstall {broken.package}"
            yield Finding("plugins", f"{broken.package}: {broken.entry_point}", "not usable", problem)
    for package, counts in offered.items():
        yield Finding("plugins", package, ", ".join(counts))


def _hub_cache() -> "Finding":
    from huggingface_hub import constants

    from fearec_cli.system.diagnosis import writable

    return writable("caches", "Hugging Face Hub", Path(constants.HF_HUB_CACHE))


def _data_sets() -> Iterator["Finding"]:
    """The data directory, and each prepared data set in it that cannot be opened."""
    from fearec_cli.data.prepared import DATA, is_prepared, open_prepared
    from fearec_cli.errors import DataError
    from fearec_cli.system.diagnosis import Finding, writable

    yield writable("caches", "data sets", DATA)
    for directory in sorted(DATA.glob("[!.]*")):
        if not is_prepared(directory):
            continue
        try:
            prepared = open_prepared(directory)
        except DataError as error:
            yield Finding("caches", str(directory), "damaged", str(error))
        else:
            counts = f"{prepared.n_users:,} users, {prepared.n_items:,} items, {len(prepared.items):,} interactions"
            yield Finding("caches", str(directory), counts)


def _runs() -> Iterator["Finding"]:
    """The directory of runs, and each run whose best weights cannot be read."""
    import torch

    from fearec_cli.errors import FearecError
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.runs.directory import BEST_FILE
    from fearec_cli.system.diagnosis import Finding, writable
    from fearec_cli.training.run import RUNS

    yield writable("caches", "runs", RUNS)
    for file in sorted(RUNS.glob(f"[!.]*/{BEST_FILE}")):
        try:
            info = load_checkpoint(file, torch.device("cpu")).info
        except FearecError as error:
            yield Finding("caches", str(file.parent), "unreadable", str(error))
        else:
            yield Finding("caches", str(file.parent), f"trained on {info.dataset}, step {info.step:,}")


def _print(findings: list["Finding"]) -> None:
    from itertools import groupby

    from fearec_cli.cli.show.console import make_console, print_pairs

    console = make_console()
    for section, members in groupby(findings, key=lambda finding: finding.section):
        console.print(section, style="bold")
        print_pairs(console, {f"  {finding.name}": finding.value for finding in members})
    problems = [finding for finding in findings if finding.problem]
    console.print()
    console.print(f"{len(problems)} problem{'s' if len(problems) != 1 else ''}" if problems else "nothing is wrong")
    for finding in problems:
        console.print(f"  {finding.section}, {finding.name}: {finding.problem}", soft_wrap=True)
