"""`fearec reproduce`: published claims, listed and tried."""

import json
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from fearec_cli.cli.settings_options import settings_options, with_options
from fearec_cli.config.sections import TrainingConfig
from fearec_cli.errors import ConfigError

# Nothing is published of ours: three show how far seeds scatter.
_SEEDS = (42, 43, 44)
# A verdict other than "reproduced": neither a fault of the program nor of the input.
_NOT_REPRODUCED = 3


@with_options(settings_options(TrainingConfig, ("time_limit",)), before="json_file")
def reproduce(
    name: Annotated[
        str | None, typer.Argument(help="A claim to try.  [default: list them]", show_default=False)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Its prepared data set.  [default: data/NAME]", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, metavar="N", help="Train with this seed alone.")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N|LIST",
            help=f"Train with each, 1 to N or those of a list.  [default: {','.join(map(str, _SEEDS))}]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Directory of the runs.  [default: runs/reproduce/NAME]", show_default=False),
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the verdict, or the list, there; - is standard output."),
    ] = None,
    markdown_file: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write the list as a table there, likewise.")
    ] = None,
    **settings: Any,
) -> None:
    """Try a published claim: get its data, train what it names, evaluate, and say whether its number comes out.

    The same command goes on where it was cut; the time limit is that of each seed. Status 0: reproduced; 3: another
    verdict.
    """
    from fearec_cli.cli.interrupts import stop_on_signals
    from fearec_cli.cli.seeds import parse_seeds
    from fearec_cli.cli.show.claims import claims_table, print_claim, print_verdict
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.cli.show.progress import make_reporter
    from fearec_cli.components.registry import load_components
    from fearec_cli.config import load_recipe
    from fearec_cli.reproducing.claims import read_claims
    from fearec_cli.reproducing.listing import claims_json, claims_markdown
    from fearec_cli.reproducing.trial import RESULT_FILE, data_of, samples_of, try_claim, without_trial
    from fearec_cli.system.outputs import STANDARD_OUTPUT, check_output, is_json_result, write_output
    from fearec_cli.training.reporting import Reporter, Stop
    from fearec_cli.training.run import RUNS

    claims, registry, console = read_claims(), load_components(), make_console(goes_on=True)
    outputs = (
        (json_file, lambda head: is_json_result(head) or head.startswith('{\n  "claims": [')),
        (markdown_file, lambda head: head.startswith("| claim |")),
    )
    for file, is_ours in outputs:
        if file is not None:
            check_output(file, is_ours)
    if name is None:
        _check_list({"--data": data, "--seed": seed, "--seeds": seeds, "--out": out, **settings})
        if STANDARD_OUTPUT not in (json_file, markdown_file):
            console.print(claims_table(claims))
            console.print("try one: fearec reproduce NAME")
        for file, text in ((json_file, claims_json), (markdown_file, claims_markdown)):
            if file is not None:
                write_output(file, text(claims, registry))
        return
    if markdown_file is not None:
        raise ConfigError(["--markdown: is of the list; leave the claim's name out"])
    claim = claims.get(name)
    chosen: tuple[int, ...] = _SEEDS if seed is None else (seed,)
    if seeds is not None:
        chosen = parse_seeds(seeds, {"seed": seed}, None)
    recipe = load_recipe(registry, preset=claim.preset, assignments=claim.assignments)
    if settings["time_limit"] is not None:
        recipe = recipe.with_training(time_limit=settings["time_limit"])

    def reporter(own: int) -> Reporter:
        console.print(f"seed {own}:")
        return make_reporter()

    quiet = json_file == STANDARD_OUTPUT
    if not quiet:
        print_claim(console, claim, samples_of(recipe))
    directory = out or RUNS / "reproduce" / claim.name
    found = without_trial(claim, samples_of(recipe))
    if found is None:
        prepared = data_of(claims, claim, data)
        stop = Stop()
        with stop_on_signals(stop):
            found = try_claim(
                claim,
                recipe,
                prepared,
                directory,
                seeds=chosen,
                make_reporter=(lambda _: Reporter()) if quiet else reporter,
                stop=stop,
            )
        write_output(directory / RESULT_FILE, json.dumps(found.to_json(), indent=2) + "\n")
    if json_file is not None:
        write_output(json_file, json.dumps(found.to_json(), indent=2) + "\n")
    if not quiet:
        print_verdict(console, found)
        if found.verdict == "not finished":
            listed = ",".join(map(str, chosen))
            again = ["fearec", "reproduce", name, *(["--seeds", listed] if len(chosen) > 1 else ["--seed", listed])]
            again += [*(["--data", str(data)] if data else []), *(["--out", str(out)] if out else [])]
            console.print(f"continue: {shlex.join(again)}, with no time limit or a longer one", soft_wrap=True)
    if any(each.reason == "interrupted" for each in found.seeds):
        raise typer.Exit(130)
    if found.verdict != "reproduced":
        raise typer.Exit(_NOT_REPRODUCED)


def _check_list(options: dict[str, Any]) -> None:
    """Refuse what a list has no use for."""
    given = [f"--{name.removeprefix('--').replace('_', '-')}" for name, value in options.items() if value is not None]
    if given:
        raise ConfigError([f"{', '.join(given)}: name a claim to try; `fearec reproduce` lists them"])
