"""Every adapter that reads a file keeps the contract that plugin authors are held to, and so does the demo.

What each makes of its file is counted in tests/cli/test_layouts.py; the Hub is in tests/hub.
"""

from pathlib import Path

import pytest

from fearec_cli.components.options import parse_assignment, validate_options
from fearec_cli.components.registry import load_adapters
from fearec_cli.testing import check_adapter
from support.layouts import LAYOUTS, Layout

# One layout of each source: the last one, which is an archive where there are two.
ONE_EACH = {layout.source: layout for layout in LAYOUTS.values()}


@pytest.mark.parametrize("layout", ONE_EACH.values(), ids=ONE_EACH)
def test_it_keeps_the_contract_of_an_adapter(layout: Layout, tmp_path: Path) -> None:
    component = load_adapters().get("adapter", layout.source).component
    path = tmp_path / layout.name
    path.write_bytes(layout.content)
    chosen = {option: value for _, option, value in map(parse_assignment, layout.options)}
    options, problems = validate_options(layout.source, component.options, chosen)
    assert not problems
    check_adapter(component, path, options)


def test_the_demo_keeps_the_contract_of_an_adapter() -> None:
    check_adapter(load_adapters().get("adapter", "demo").component)
