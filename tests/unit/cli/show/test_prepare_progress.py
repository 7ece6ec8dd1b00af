"""What is shown while a log is prepared, on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from fearec_cli.cli.show import prepare_progress
from fearec_cli.cli.show.prepare_progress import watching


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def shown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    console = Console(file=text, force_terminal=request.param, width=80)
    monkeypatch.setattr(prepare_progress, "make_console", lambda: console)
    return text


def prepare_something() -> dict[str, int]:
    with watching() as watcher:
        watcher.on_rows(1_000_000)
        watcher.on_kept("in the source", 1_000_000)
        watcher.on_stage("looking for the core")
        watcher.on_kept("in the core", 7)
    return watcher.kept


def test_a_long_preparation_is_reported(shown: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_progress, "_PATIENCE", 0)
    monkeypatch.setattr(prepare_progress, "_SECONDS_BETWEEN_LINES", 0)
    assert prepare_something() == {"in the source": 1_000_000, "in the core": 7}
    assert "looking for the core (1,000,000 rows read)" in shown.getvalue()


def test_a_short_one_is_not(shown: io.StringIO) -> None:
    prepare_something()
    assert shown.getvalue() == ""
