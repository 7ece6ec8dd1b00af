"""`fearec new-plugin`: a package of your own that installs, lists, trains and passes its tests."""

import importlib.util
import keyword
import re
import shlex
from enum import StrEnum
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from fearec_cli.errors import ConfigError
from fearec_cli.system.text import printable

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Keeps the lines of what is written shorter than 120 characters.
_LONGEST_NAME = 30
_PREFIX = "fearec-"
# A package of this name would replace the toolkit when it is installed.
_TOOLKIT = "fearec"


class PluginKind(StrEnum):
    """Kinds of components, as `--kind` offers them."""

    FILTER = "filter"
    ATTENTION = "attention"
    FUSION = "fusion"
    LOSS = "loss"
    ADAPTER = "adapter"


# How each kind is shown and used, in the README of the package that is written.
_USE = {
    PluginKind.FILTER: "fearec train demo --max-steps 20 --filter {}",
    PluginKind.ATTENTION: "fearec train demo --max-steps 20 --attention {}+autocorr",
    PluginKind.FUSION: "fearec train demo --max-steps 20 --fusion {}",
    PluginKind.LOSS: 'fearec train demo --max-steps 20 --loss "ce+0.1*{}"',
    PluginKind.ADAPTER: "fearec prepare {} --from FILE",
}


def new_plugin(
    name: Annotated[str, typer.Argument(help="Name of the package, as in fearec-tap; the component is called tap.")],
    kind: Annotated[PluginKind, typer.Option(help="What it adds.")] = PluginKind.FILTER,
    out: Annotated[Path | None, typer.Option(help="Directory to write.", show_default="NAME")] = None,
) -> None:
    """Write a package that adds a component: pyproject.toml, a working component, its tests."""
    component = _component_name(name)
    _check_free(name, component, kind)
    directory = out or Path(name)
    write_plugin(name, component, kind, directory)
    typer.echo(printable(f"wrote {directory}: the {kind} {component!r} of package {name!r}"))
    # pip takes a name without a separator for a package of the index.
    place = str(directory) if directory.is_absolute() else f"./{directory}"
    install = shlex.join(["pip", "install", "--editable", f"{place}[dev]"])
    typer.echo(printable(f"next: {install} && {shlex.join(['pytest', place])}, then change {_source(name, kind)}"))


def write_plugin(name: str, component: str, kind: PluginKind, directory: Path) -> None:
    """Write the package.

    Args:
        name: of the package.
        component: what it adds.
        kind: what that is.
        directory: where; must not exist yet.

    Raises:
        OutputError: it exists, or it cannot be written; nothing half-written stays.
    """
    from fearec_cli.system.atomic import atomic_directory

    module = name.replace("-", "_")
    adapter = kind is PluginKind.ADAPTER
    article = "An" if kind[0] in "aeiou" else "A"
    values = {
        "package": name,
        "module": module,
        "component": component,
        "cls": "".join(part.capitalize() for part in component.split("-")),
        "kind": kind,
        "article": article,
        "article_lower": article.lower(),
        "group": "fearec.adapters" if adapter else "fearec.components",
        "dependencies": '"fearec>=0.1", "polars>=1.20"' if adapter else '"fearec>=0.1", "torch>=2.11"',
        "show": f"fearec {'datasets' if adapter else 'components'} {component}",
        "use": _USE[kind].format(component),
    }
    files = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"src/{module}/__init__.py": "__init__.py",
        f"src/{module}/{kind}.py": f"{kind}.py",
        f"tests/test_{kind}.py": f"test_{kind}.py",
    }
    templates = resources.files("fearec_cli.templates")
    with atomic_directory(directory) as temporary:
        for place, template in files.items():
            text = Template((templates / f"{template}.template").read_text("utf-8"))
            file = temporary / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.substitute(values), "utf-8")
        (temporary / f"src/{module}/py.typed").touch()


def _component_name(name: str) -> str:
    """The component's name: the package's, without `fearec-`.

    Raises:
        ConfigError: it is not a name for a package or for a component.
    """
    from fearec_cli.components.registry import RESERVED_NAMES

    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise ConfigError(
            [
                f"{name!r} is not a name for a plugin: lower case letters and digits in words joined by single "
                f"hyphens, as in fearec-tap, {_LONGEST_NAME} characters at most"
            ]
        )
    component = name.removeprefix(_PREFIX)
    if not component[0].isalpha():
        raise ConfigError(
            [f"{name!r} is not a name for a plugin: {component!r} after {_PREFIX!r} must begin with a letter"]
        )
    if name == _TOOLKIT or component in RESERVED_NAMES or keyword.iskeyword(name):
        raise ConfigError([f"{name!r} is not a name for a plugin: {component!r} is reserved; choose another"])
    return component


def _check_free(name: str, component: str, kind: PluginKind) -> None:
    from fearec_cli.components.registry import load_adapters, load_components

    module = name.replace("-", "_")
    if importlib.util.find_spec(module) is not None:
        raise ConfigError([f"{name!r}: a module {module!r} is installed already; choose another name"])
    registry = load_adapters() if kind is PluginKind.ADAPTER else load_components()
    for entry in registry:
        if entry.name == component:
            raise ConfigError([f"{name!r}: the name {component!r} is taken, by the {entry.label}; choose another"])


def _source(name: str, kind: PluginKind) -> str:
    return f"src/{name.replace('-', '_')}/{kind}.py"
