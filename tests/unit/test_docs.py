"""Pages whose Python runs: what it prints is what they show; docs/plugins.md misses no hook and no check."""

import re
from pathlib import Path

import pytest

from fearec_cli import api, testing
from fearec_cli.components import hookspecs
from fearec_cli.components.registry import HOOKS

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "plugins.md").read_text("utf-8")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str, text: str = TEXT) -> list[tuple[int, str]]:
    """Line on which each block begins, and its text."""
    return [(text.count("\n", 0, match.start(2)), match[2]) for match in _FENCE.finditer(text) if match[1] == language]


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "tutorial"}
    sources = blocks("python")
    assert len(sources) > 5
    for line, source in sources:
        # Blank lines before it, so that a traceback names the line of the page.
        exec(compile("\n" * line + source, "docs/plugins.md", "exec"), namespace)
    shown = "".join(text for _, text in blocks("text"))
    printed = capsys.readouterr().out.splitlines()
    assert printed
    assert all(line in shown for line in printed), printed


def test_the_python_api_does_what_its_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (DOCS / "python.md").read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "page"}
    for line, source in blocks("python", page):
        exec(compile("\n" * line + source, "docs/python.md", "exec"), namespace)
    # Nothing else is printed: the functions are silent.
    assert capsys.readouterr().out == "".join(text for _, text in blocks("text", page))


def test_the_entry_point_that_is_shown_is_the_one_that_new_plugin_writes() -> None:
    ((_, shown),) = blocks("toml")
    template = (Path(api.__file__).parent / "templates" / "pyproject.toml.template").read_text("utf-8")
    wanted = {"$group": "fearec.components", "$component": "calm", "$module": "fearec_calm", "$kind": "filter"}
    for name, value in wanted.items():
        template = template.replace(name, value)
    assert shown in template


def test_every_hook_is_documented() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("fearec_")}
    assert hooks == set(HOOKS.values())
    for kind, hook in HOOKS.items():
        assert f"| {kind} | `{hook}` |" in TEXT


@pytest.mark.parametrize("kind", HOOKS)
def test_every_kind_has_a_check(kind: str) -> None:
    assert f"check_{kind}" in testing.__all__
    assert callable(getattr(testing, f"check_{kind}"))
    assert f"`check_{kind}`" in TEXT


def test_the_kinds_of_new_plugin_are_named() -> None:
    (sentence,) = re.findall(r"`--kind` is ([^.]*)\.", TEXT)
    assert re.findall(r"`(\w+)`", sentence) == list(HOOKS)
