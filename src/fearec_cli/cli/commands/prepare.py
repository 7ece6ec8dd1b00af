"""`fearec prepare`: from a source of data to a prepared directory."""

from pathlib import Path
from typing import Annotated, Any

import typer

from fearec_cli.api import RowOptions
from fearec_cli.cli import completion
from fearec_cli.cli.settings_options import given, naming_flags, settings_options, with_options
from fearec_cli.data.settings import Settings, SplitSettings
from fearec_cli.errors import ConfigError

_FILTERS = [name for name in Settings.model_fields if name not in SplitSettings.model_fields]
_ROWS = list(RowOptions.model_fields)
_METAVARS = {
    "where": "CONDITION",
    "since": "TIME",
    "until": "TIME",
    "valid_from": "SHARE|TIME",
    "test_from": "SHARE|TIME",
}


@with_options(
    settings_options(RowOptions, _ROWS, panel="Rows of the source", metavars=_METAVARS),
    settings_options(Settings, _FILTERS, panel="Filters, in this order", metavars=_METAVARS),
    settings_options(Settings, SplitSettings.model_fields, panel="Split", metavars=_METAVARS),
)
def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="Source of the data; `fearec datasets` lists them. hub:OWNER/NAME/FILE is any file of the Hub.",
            autocompletion=completion.sources,
        ),
    ],
    from_: Annotated[Path | None, typer.Option("--from", help="File to read.", show_default=False)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Directory to write.  [default: data/SOURCE]", show_default=False)
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Option of the source.", metavar="SOURCE.OPTION=VALUE", show_default=False),
    ] = None,
    cuts: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="global-time: write a data set for each of N cuts, rolled back by the length of validation.",
            rich_help_panel="Split",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the data set at --out.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try it on the first rows, show what would happen, and write nothing.")
    ] = False,
    **settings: Any,
) -> None:
    """Read a log, filter and number it, and write a prepared data set.

    A user's interactions are ordered by time, and by line where times are equal.
    The last one is held out for testing and the one before it for validation, unless --split global-time cuts the
    whole log at two moments.
    """
    from fearec_cli.cli.show.prepare_progress import watching
    from fearec_cli.cli.show.prepare_report import print_prepared, print_preview
    from fearec_cli.cli.usage import reading_of
    from fearec_cli.components.registry import load_adapters
    from fearec_cli.data.preparing.pipeline import open_source, prepare_source
    from fearec_cli.data.preparing.rolling import prepare_cuts

    if cuts is not None and dry_run:
        raise ConfigError(["--dry-run: tries one cut; leave --cuts out"])
    again = reading_of(source, (entry.name for entry in load_adapters()))
    if again is not None:
        raise ConfigError([f"{source}: is a file, not a source of data; read it by `{again}`"])
    chosen = given(settings)
    place: dict[str, Any] = {
        "path": from_,
        "out": out,
        "assignments": set_ or [],
        "options": {name: chosen.pop(name) for name in _ROWS if name in chosen},
        "settings": chosen,
    }
    try:
        if dry_run:
            opened = open_source(source, **place)
            print_preview(opened)
            return
        with watching() as watcher:
            if cuts is None:
                found = [prepare_source(source, **place, force=force, watcher=watcher)]
            else:
                found = prepare_cuts(source, cuts, **place, force=force, watcher=watcher)
    except ConfigError as error:
        named = naming_flags(error, source.partition(":")[0], {name: settings[name] for name in _ROWS})
        raise naming_flags(named, "prepare", settings) from error
    for prepared, written in found:
        print_prepared(prepared, "wrote" if written else "already prepared:")
