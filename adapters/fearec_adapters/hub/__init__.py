"""Files of the Hugging Face Hub: fetched by commit, read as local ones are."""

from fearec_adapters.hub import source
from fearec_cli.api import Component, hookimpl


@hookimpl
def fearec_adapters() -> list[Component]:
    """Any data set of the Hub."""
    return [source.COMPONENT]
