"""Files of a general form, one adapter a module. The user names the columns where the form does not."""

from fearec_adapters.formats import csv, jsonl, pairs, parquet, recbole, sequences, tsv
from fearec_cli.api import Component, hookimpl


@hookimpl
def fearec_adapters() -> list[Component]:
    """Every format."""
    return [module.COMPONENT for module in (csv, jsonl, pairs, parquet, recbole, sequences, tsv)]
