"""The only module that knows pluggy: entry points, checks, look-up by name.

pluggy's own loader skips a second plugin of the same name in silence and lets one that fails to import
take the program down, so entry points are read here.
"""

import functools
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, distributions, entry_points
from typing import Literal

import pluggy

from fearec_cli.api import Component, Options
from fearec_cli.components import hookspecs
from fearec_cli.errors import ENDINGS, PluginError, did_you_mean
from fearec_cli.system.text import value

Kind = Literal["filter", "attention", "fusion", "loss", "adapter"]

HOOKS: dict[Kind, str] = {
    "filter": "fearec_filters",
    "attention": "fearec_attentions",
    "fusion": "fearec_fusions",
    "loss": "fearec_losses",
    "adapter": "fearec_adapters",
}
# Keys of a configuration file; a component of that name could not be given options.
RESERVED_NAMES = frozenset({"attention", "filter", "fusion", "loss", "model", "training"})
_OURS = "fearec"
_NAME = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class Registered:
    """A component with its kind and the package it came from."""

    component: Component
    kind: Kind
    package: str
    version: str

    @property
    def name(self) -> str:
        """The component's name."""
        return self.component.name

    @property
    def label(self) -> str:
        """Kind, name and package, as messages name it."""
        return f"{self.kind} {self.name!r} of package {f'{self.package} {self.version}'.strip()!r}"


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be used, and why."""

    package: str
    entry_point: str
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.entry_point!r} of package {self.package!r} is not usable: {self.reason}"


class Registry:
    """Components by name. Names are unique over all kinds of a registry."""

    def __init__(self, registered: Iterable[Registered], broken: Iterable[Broken] = ()) -> None:
        self._by_name: dict[str, Registered] = {}
        self.broken = tuple(broken)
        for entry in registered:
            other = self._by_name.setdefault(entry.name, entry)
            if other is not entry:
                raise PluginError(
                    f"the name {entry.name!r} is taken twice: by a {other.kind} of package {other.package!r} "
                    f"and by a {entry.kind} of package {entry.package!r}; uninstall one of the two"
                )

    def __iter__(self) -> Iterator[Registered]:
        return iter(self._by_name.values())

    def of_kind(self, kind: Kind) -> list[Registered]:
        """All components of a kind, by name."""
        return sorted((entry for entry in self if entry.kind == kind), key=lambda entry: entry.name)

    def find(self, name: str) -> Registered:
        """The component of this name, whatever its kind.

        Raises:
            PluginError: no package offers it; names similar ones and every plugin that is broken.
        """
        if name not in self._by_name:
            raise PluginError(f"no component is called {name!r}" + self._hints(name, kind=None))
        return self._by_name[name]

    def get(self, kind: Kind, name: str) -> Registered:
        """The component of this kind and name.

        Raises:
            PluginError: no package offers it, or it is of another kind.
        """
        entry = self._by_name.get(name)
        if entry is None:
            raise PluginError(f"no {_word(kind)} is called {name!r}" + self._hints(name, kind))
        if entry.kind != kind:
            raise PluginError(f"{name!r} is {_article(entry.kind)}, not {_article(kind)}; " + self._offer(kind))
        return entry

    def _hints(self, name: str, kind: Kind | None) -> str:
        if kind is None:
            offer = "; `fearec components` lists what there is"
        else:
            offer = "; `fearec datasets` lists the sources" if kind == "adapter" else f"; {self._offer(kind)}"
        hint = did_you_mean(name, self._by_name, self._named) or offer
        return "".join([hint, *(f" ({broken})" for broken in self.broken)])

    def _named(self, name: str) -> str:
        return f"the {_word(self._by_name[name].kind)} {name!r}"

    def _offer(self, kind: Kind) -> str:
        names = ", ".join(entry.name for entry in self.of_kind(kind)) or "none"
        return f"there are these of kind {kind}: {names}"


@functools.cache
def load_components() -> Registry:
    """Every filter, attention, fusion and loss that an installed package offers."""
    return _load("fearec.components")


@functools.cache
def load_adapters() -> Registry:
    """Every source of data that an installed package offers. Does not import torch."""
    return _load("fearec.adapters")


def package_at_fault(error: BaseException) -> str:
    """The package of the plugin whose code an exception passed through; empty where it passed through none's."""
    packages: dict[str, str] = {}
    for load in (load_components, load_adapters):
        if load.cache_info().currsize:
            for entry in load():
                packages[str(getattr(entry.component.build, "__module__", "")).partition(".")[0]] = entry.package
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        package = packages.get(str(frame.f_globals.get("__name__")).partition(".")[0], _OURS)
        if package != _OURS:
            return package
    return ""


def _load(group: str) -> Registry:
    unreadable: list[Broken] = []
    try:
        points = list(entry_points(group=group))
    except Exception:  # a malformed list of any installed package; importlib.metadata has no error of its own for it
        points, unreadable = _by_package(group)
    return read_plugins(points, unreadable)


def _by_package(group: str) -> tuple[list[EntryPoint], list[Broken]]:
    """The entry points of every package whose list can be read, and the packages whose list cannot."""
    points: list[EntryPoint] = []
    broken: list[Broken] = []
    packages: set[str] = set()
    for package in distributions():
        name = package.name
        if name in packages:  # of two copies on the path Python imports the first
            continue
        packages.add(name)
        try:
            points += package.entry_points.select(group=group)
        except Exception as error:
            broken.append(Broken(name, "entry_points.txt", value(f"{type(error).__name__}: {error}")))
    return points, broken


def read_plugins(points: Iterable[EntryPoint], unreadable: Iterable[Broken] = ()) -> Registry:
    """Import plugins, check what they offer and register it.

    A plugin that cannot be imported or breaks a rule is remembered as `Broken`: it is named when a
    look-up fails, and disturbs nothing else.

    Args:
        points: where the plugins are.
        unreadable: packages whose entry points cannot be read.

    Raises:
        PluginError: two components of one name.
    """
    manager = pluggy.PluginManager("fearec")
    manager.add_hookspecs(hookspecs)
    registered: list[Registered] = []
    broken = list(unreadable)
    for point in sorted(points, key=lambda point: (_package(point), point.name)):
        try:
            registered += _register(manager, point)
        except ENDINGS:
            raise
        except BaseException as error:  # sys.exit() too, which would end the command with status 0
            broken.append(Broken(_package(point), point.name, value(f"{type(error).__name__}: {error}")))
    return Registry(registered, broken)


def _register(manager: pluggy.PluginManager, point: EntryPoint) -> list[Registered]:
    plugin = point.load()
    label = f"{_package(point)}:{point.name}"
    manager.register(plugin, name=label)
    try:
        manager.check_pending()
        version = point.dist.version if point.dist else ""
        found = [
            Registered(check_component(component), kind, _package(point), version)
            for kind, hook in HOOKS.items()
            for implementation in getattr(manager.hook, hook).get_hookimpls()
            if implementation.plugin_name == label
            for component in implementation.function()
        ]
        if not found:
            raise PluginError("it implements no hook of fearec_cli.components.hookspecs")
    except BaseException:
        manager.unregister(name=label)
        raise
    return found


def check_component(component: Component) -> Component:
    """The component itself, if it keeps the rules of `fearec_cli.api`.

    Raises:
        PluginError: its name, or an option without default or description.
    """
    if not isinstance(component, Component):
        raise PluginError(f"a hook gave {type(component).__name__}, not a Component")
    name = component.name
    if not _NAME.fullmatch(name) or name in RESERVED_NAMES:
        raise PluginError(
            f"{name!r} is not a name for a component: lower case letters, digits and hyphens, "
            f"and none of {', '.join(sorted(RESERVED_NAMES))}"
        )
    if not (isinstance(component.options, type) and issubclass(component.options, Options)):
        raise PluginError(f"the options of {name!r} are not a subclass of fearec_cli.api.Options")
    for text in (component.summary, component.source):
        if not isinstance(text, str):
            raise PluginError(f"summary and source of {name!r} must be texts, not {type(text).__name__}")
    for option, info in component.options.model_fields.items():
        if info.is_required() or not info.description:
            raise PluginError(f"option {name}.{option} needs a default and a description")
    return component


def _word(kind: Kind) -> str:
    """The kind in the user's words."""
    return "source" if kind == "adapter" else kind


def _article(kind: Kind) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "?"
