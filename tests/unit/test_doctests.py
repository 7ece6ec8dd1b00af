"""Examples in docstrings print what they show."""

import doctest
import importlib
import pkgutil

import pytest

import fearec_adapters
import fearec_cli
import fearec_plugins

PACKAGES = (fearec_adapters, fearec_cli, fearec_plugins)


def modules_with_examples() -> list[str]:
    """Names of the modules in whose text there is a prompt."""
    found = []
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            specification = module.module_finder.find_spec(module.name, None)  # type: ignore[call-arg]
            source = specification.loader.get_source(module.name)  # type: ignore[union-attr]
            if ">>> " in (source or ""):
                found.append(module.name)
    return found


@pytest.mark.parametrize("name", modules_with_examples())
def test_the_examples_of_a_module(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0
    assert results.attempted > 0


def test_there_are_examples() -> None:
    assert len(modules_with_examples()) >= 8
