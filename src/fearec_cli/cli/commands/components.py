"""`fearec components`: what a model can be composed of."""

from typing import Annotated

import typer


def components(
    name: Annotated[str | None, typer.Argument(help="Component to tell all about.", show_default=False)] = None,
) -> None:
    """List filters, attentions, fusions and losses, or tell all about one: its options, their bounds, its source."""
    from fearec_cli.cli.show.listing import print_details, print_list
    from fearec_cli.components.registry import load_components

    registry = load_components()
    if name is None:
        print_list(registry, registry.broken)
    else:
        print_details(registry.find(name))
