"""The registry, with plugins that are not installed anywhere."""

import subprocess
import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from fearec_cli.api import Component, Field, Options, hookimpl
from fearec_cli.components.registry import HOOKS, load_adapters, load_components, read_plugins
from fearec_cli.errors import PluginError, TerminatedError


@dataclass(frozen=True)
class FakePoint:
    """An entry point as `importlib.metadata` gives it, of a package that exists here alone."""

    name: str
    package: str
    plugin: Any

    @property
    def dist(self) -> SimpleNamespace:
        return SimpleNamespace(name=self.package, version="2.1")

    def load(self) -> Any:
        if isinstance(self.plugin, BaseException):
            raise self.plugin
        return self.plugin


class NoOptions(Options):
    """It has none."""


def component(name, options=NoOptions):
    return Component(name=name, options=options, build=lambda *_: None, summary="A part.", source="Nowhere")


def plugin(kind, *components, hook=None):
    """A module that offers these components by a hook."""
    module = ModuleType("fake")

    def offer():
        return list(components)

    name = hook or HOOKS[kind]
    offer.__name__ = name
    setattr(module, name, hookimpl(offer))
    return module


def point(name, kind, *components, package="acme"):
    return FakePoint(name, package, plugin(kind, *components))


def broken_reason(faulty):
    """Why a plugin was put aside, after checking that its healthy neighbours still work."""
    before = point("before", "loss", component("before"), package="a-package")
    after = point("after", "loss", component("after"), package="c-package")
    registry = read_plugins([before, FakePoint("faulty", "bad-package", faulty), after])
    assert [entry.name for entry in registry] == ["before", "after"]
    (broken,) = registry.broken
    assert (broken.package, broken.entry_point) == ("bad-package", "faulty")
    return broken.reason


def test_a_component_comes_with_kind_package_and_version():
    found = read_plugins([point("haar", "filter", component("haar"))]).get("filter", "haar")
    assert (found.name, found.kind, found.package, found.version) == ("haar", "filter", "acme", "2.1")


def test_one_plugin_may_offer_components_of_several_kinds():
    module = plugin("filter", component("haar"), component("db4"))
    setattr(module, HOOKS["loss"], getattr(plugin("loss", component("bpr")), HOOKS["loss"]))
    registry = read_plugins([FakePoint("all", "acme", module)])
    assert [entry.name for entry in registry.of_kind("filter")] == ["db4", "haar"]
    assert [entry.name for entry in registry.of_kind("loss")] == ["bpr"]
    assert registry.of_kind("fusion") == []


@pytest.mark.parametrize("kinds", [("filter", "filter"), ("filter", "loss")])
def test_a_name_taken_twice_names_both_packages(kinds):
    points = [point("a", kinds[0], component("haar")), point("b", kinds[1], component("haar"), package="zenith")]
    with pytest.raises(PluginError, match=r"'haar'.*'acme'.*'zenith'"):
        read_plugins(points)


def test_the_order_of_entry_points_does_not_matter():
    points = [point(name, "filter", component(name), package=package) for name, package in ("bz", "az", "ca")]
    names = [[entry.name for entry in read_plugins(order)] for order in (points, points[::-1])]
    assert names[0] == names[1] == ["c", "a", "b"]


@pytest.mark.parametrize("end", [KeyboardInterrupt(), TerminatedError(15)], ids=lambda end: type(end).__name__)
def test_a_signal_while_a_plugin_is_imported_is_not_its_fault(end):
    with pytest.raises(type(end)):
        read_plugins([FakePoint("waves", "package", end)])


@pytest.mark.parametrize("end", [SystemExit(0), GeneratorExit(), RecursionError()], ids=lambda end: type(end).__name__)
def test_whatever_a_plugin_raises_at_its_import_is_remembered(end):
    registry = read_plugins([FakePoint("waves", "package", end), point("good", "filter", component("good"))])
    assert [broken.reason for broken in registry.broken] == [f"{type(end).__name__}: {end}"]


def test_a_plugin_that_fails_to_import_is_named_when_a_look_up_fails():
    failing = FakePoint("waves", "bad-package", ModuleNotFoundError("No module named 'pywt'"))
    registry = read_plugins([failing, point("good", "filter", component("good"))])
    assert registry.get("filter", "good").name == "good"
    with pytest.raises(PluginError, match=r"'waves' of package 'bad-package'.*No module named 'pywt'"):
        registry.get("filter", "db4")
    with pytest.raises(PluginError, match=r"'bad-package'"):
        registry.find("db4")


@pytest.mark.parametrize(("wrong", "meant"), [("autocor", "attention 'autocorr'"), ("windw", "filter 'window'")])
def test_did_you_mean_looks_at_every_kind(wrong, meant):
    with pytest.raises(PluginError, match=f"did you mean the {meant}"):
        load_components().get("filter", wrong)
    with pytest.raises(PluginError, match=f"did you mean the {meant}"):
        load_components().find(wrong)


def test_a_name_like_no_other_lists_what_there_is():
    with pytest.raises(PluginError, match=r"no filter is called 'zzz'.*kind filter: .*none, .*window"):
        load_components().get("filter", "zzz")


def test_a_component_of_another_kind_says_which():
    with pytest.raises(PluginError, match=r"'window' is a filter, not an attention; .*autocorr, .*dot, .*ramp"):
        load_components().get("attention", "window")
    with pytest.raises(PluginError, match=r"'dot' is an attention, not a filter"):
        load_components().get("filter", "dot")


def test_an_unknown_hook_breaks_the_plugin():
    assert "fearec_wavelets" in broken_reason(plugin("filter", component("haar"), hook="fearec_wavelets"))


def test_an_unknown_hook_beside_a_known_one_breaks_the_plugin():
    module = plugin("filter", component("haar"))
    module.fearec_filtres = plugin("filter", hook="fearec_filtres").fearec_filtres
    assert "fearec_filtres" in broken_reason(module)


def test_a_plugin_without_hooks_is_broken():
    assert "no hook" in broken_reason(ModuleType("empty"))


def test_a_hook_that_raises_breaks_its_plugin():
    module = ModuleType("raising")

    @hookimpl
    def fearec_filters():
        raise RuntimeError("out of wavelets")

    module.fearec_filters = fearec_filters
    assert "out of wavelets" in broken_reason(module)


def test_an_option_without_a_description_is_refused():
    class Silent(Options):
        level: int = 3

    assert "haar.level" in broken_reason(plugin("filter", component("haar", Silent)))


def test_an_option_without_a_default_is_refused():
    class Demanding(Options):
        level: int = Field(description="depth")

    assert "haar.level" in broken_reason(plugin("filter", component("haar", Demanding)))


def test_options_of_a_foreign_class_are_refused():
    assert "Options" in broken_reason(plugin("filter", component("haar", dict)))


@pytest.mark.parametrize("name", ["Haar", "4tap", "haar_4", "", "ha ar", "haar+", "häär", "-haar"])
def test_a_bad_name_is_refused(name):
    assert repr(name) in broken_reason(plugin("filter", component(name)))


@pytest.mark.parametrize("name", ["model", "training", "attention", "filter", "fusion", "loss"])
def test_a_name_that_a_configuration_needs_is_refused(name):
    assert repr(name) in broken_reason(plugin("filter", component(name)))


def test_what_is_no_component_is_refused():
    assert "not a Component" in broken_reason(plugin("filter", "haar"))


def test_the_installed_plugins_are_whole():
    assert load_components().broken == ()
    assert load_adapters().broken == ()


def test_adapters_load_without_torch():
    code = (
        "import sys; from fearec_cli.components.registry import load_adapters; registry = load_adapters();"
        "assert registry.broken == (), registry.broken;"
        "assert len(list(registry)) > 1;"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
