"""`fearec datasets`: the sources that `fearec prepare` reads."""

from typing import Annotated

import typer

from fearec_cli.cli import completion


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A source to describe, or a family to list.", show_default=False, autocompletion=completion.sources
        ),
    ] = None,
) -> None:
    """List the sources of data, or describe one: its options, their bounds, where it comes from.

    A family is every source whose name begins alike, as in `fearec datasets amazon`.
    """
    from fearec_cli.cli.show.listing import print_details, print_entries
    from fearec_cli.components.registry import load_adapters

    adapters = load_adapters()
    if name is None:
        print_entries(adapters, adapters.broken)
        return
    family = [entry for entry in adapters if entry.name.startswith(name)]
    if len(family) > 1 and name not in {entry.name for entry in family}:
        print_entries(family, whole=True)
    else:
        print_details(adapters.get("adapter", name))
