"""The contract of an adapter, checked."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from fearec_cli.api import Component, Log, Options
from fearec_cli.components.violations import errors_of, violation
from fearec_cli.data.preparing.steps import prepare
from fearec_cli.data.settings import Settings
from fearec_cli.errors import DataError
from fearec_cli.testing.grid import checking

_COLUMNS = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64, "rating": pl.Float64}
_TORCH_WAS_IMPORTED = 3


def check_adapter(component: Component, path: Path | None = None, options: Options | None = None) -> None:
    """Check an adapter's promises (`fearec_cli.api.Adapter`) on one source.

    - It reads `path` into a `Log`: columns user and item (String) and, where there are any, timestamp (Int64)
      and rating (Float64), no others, no nulls, at least one row; notes that JSON can hold.
    - The same source gives the same rows again.
    - The log can be prepared, without a k-core.
    - A file that is not there is a `DataError`, where `path` is given.
    - It does not import torch.
    - Options have defaults and descriptions.

    Args:
        component: the adapter.
        path: what `--from` names; a small source of which every user has three interactions or more. None
            for an adapter that reads no file.
        options: what it is built with; its defaults unless given.

    Raises:
        PluginError: a promise is broken.
        DataError: the adapter cannot read the source.
    """
    with checking("adapter", component) as name:
        adapter = component if options is None else replace(component, build=lambda defaults: component.build(options))
        log = _read(name, adapter, path)
        frame = _rows(name, log)
        if not frame.equals(_rows(name, _read(name, adapter, path))):
            raise violation(name, "rows", expected="the same ones at every reading", got="others the second time")
        prepare(log, Settings(k_core=0))
        if path is not None:
            _check_missing(name, adapter, path)
        _check_import(name, component)


def _read(name: str, component: Component, path: Path | None) -> Log:
    with errors_of(name):
        log = component.build(component.options()).read(path)
    if not isinstance(log, Log):
        raise violation(name, "read", expected="a Log", got=type(log).__name__)
    if log.source.adapter != component.name:
        raise violation(name, "source.adapter", expected=repr(component.name), got=repr(log.source.adapter))
    if log.k_core < 0:
        raise violation(name, "k_core", expected="0 or more", got=str(log.k_core))
    try:
        json.dumps(dict(log.notes), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise violation(name, "notes", expected="what JSON can hold", got=str(error)) from error
    return log


def _rows(name: str, log: Log) -> pl.DataFrame:
    if not isinstance(log.frame, pl.LazyFrame):
        raise violation(name, "frame", expected="a polars LazyFrame", got=type(log.frame).__name__)
    try:
        frame = log.frame.collect()
    except PolarsError as error:
        raise violation(
            name, "frame", expected="rows", got=f"{type(error).__name__}: {error}".splitlines()[0]
        ) from error
    got = ", ".join(f"{column} {dtype}" for column, dtype in frame.schema.items())
    missing = {"user", "item"} - set(frame.columns)
    if missing or any(_COLUMNS.get(column) != dtype for column, dtype in frame.schema.items()):
        expected = "user String, item String and, if any, timestamp Int64 and rating Float64"
        raise violation(name, "columns", expected=expected, got=got)
    if frame.is_empty():
        raise violation(name, "rows", expected="one at least", got="none")
    holed = [column for column in frame.columns if frame[column].null_count()]
    if holed:
        raise violation(name, "rows", expected="no nulls", got=f"nulls in {', '.join(holed)}")
    return frame


def _check_missing(name: str, component: Component, path: Path) -> None:
    missing = path.with_name(f"no-{path.name}")
    try:
        with errors_of(f"{name}, given a file that is not there,"):
            component.build(component.options()).read(missing).frame.collect()
    except DataError:
        return
    raise violation(name, "a file that is not there", expected="a DataError", got="a Log")


def _check_import(name: str, component: Component) -> None:
    """In a process of its own, for torch is in this one. A module that only the tests know is passed over."""
    module = getattr(component.build, "__module__", "")
    code = (
        f"import importlib, sys; importlib.import_module({module!r}); "
        f"sys.exit({_TORCH_WAS_IMPORTED} if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    if done.returncode == _TORCH_WAS_IMPORTED:
        raise violation(name, "import", expected="no torch, which makes every `prepare` wait", got="torch")
