"""`fearec datasets`: the sources that `fearec prepare` reads."""

from typing import Annotated

import typer


def datasets(
    name: Annotated[str | None, typer.Argument(help="Source to tell all about.", show_default=False)] = None,
) -> None:
    """List the sources of data, or tell all about one: its options, their bounds, where it comes from."""
    from fearec_cli.cli.listing import print_details, print_list
    from fearec_cli.registry import load_adapters

    adapters = load_adapters()
    if name is None:
        print_list(adapters, adapters.broken)
    else:
        print_details(adapters.get("adapter", name))
