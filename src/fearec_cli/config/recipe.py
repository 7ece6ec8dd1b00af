"""A recipe: the settings of a run with its components resolved. Nothing that is given one needs the registry."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fearec_cli.api import Options
from fearec_cli.components.expressions import branches, terms
from fearec_cli.components.registry import Kind, Registered, Registry
from fearec_cli.config.sections import ModelConfig, RunConfig, TrainingConfig


@dataclass(frozen=True)
class Ingredient:
    """A component with the options that a run gives it.

    Attributes:
        entry: the component, its kind and package.
        options: validated.
        weight: of a loss term; 1 for the other kinds.
    """

    entry: Registered
    options: Options
    weight: float = 1.0

    def build(self, *place: Any) -> Any:
        """Make the module or loss; `place` is what the hook of its kind names after the options.

        Raises:
            PluginError: building it raises.
            ConfigError: it cannot be built in this place.
        """
        from fearec_cli.components.violations import errors_of  # torch, which reading settings does not need

        with errors_of(self.entry.label):
            return self.entry.component.build(self.options, *place)


@dataclass(frozen=True)
class Recipe:
    """All that is needed, with a data set, to train a model.

    Attributes:
        config: the settings.
        filter: of every layer.
        attentions: branches of every layer, in the order of `--attention`.
        fusion: joins the branches.
        losses: weighted terms of the objective, in the order of `--loss`.
        preset: what the configuration started from; empty where it was read from a run.
        expectation: what that preset achieves, in a sentence; empty where other components were chosen.
    """

    config: RunConfig
    filter: Ingredient
    attentions: tuple[Ingredient, ...]
    fusion: Ingredient
    losses: tuple[Ingredient, ...]
    preset: str = ""
    expectation: str = ""

    @classmethod
    def of(cls, config: RunConfig, registry: Registry) -> "Recipe":
        """Resolve the components that a configuration names.

        Raises:
            PluginError: one is not installed, or is of another kind.
        """

        def resolve(kind: Kind, name: str, weight: float = 1.0) -> Ingredient:
            return Ingredient(registry.get(kind, name), config.components[name], weight)

        return cls(
            config,
            filter=resolve("filter", config.filter),
            attentions=tuple(resolve("attention", name) for name in branches(config.attention)),
            fusion=resolve("fusion", config.fusion),
            losses=tuple(resolve("loss", term.name, term.weight) for term in terms(config.loss)),
        )

    @property
    def causal(self) -> bool:
        """Whether no position of the model depends on a later one."""
        parts = (*self.attentions, self.filter, self.fusion)
        return self.config.model.pooling == "last" and all(part.entry.component.causal for part in parts)

    @property
    def model(self) -> ModelConfig:
        """Settings of the trunk."""
        return self.config.model

    @property
    def training(self) -> TrainingConfig:
        """Settings of the loop."""
        return self.config.training

    @property
    def ingredients(self) -> Mapping[str, Ingredient]:
        """Every component by its name."""
        found = (*self.attentions, self.filter, self.fusion, *self.losses)
        return {ingredient.entry.name: ingredient for ingredient in found}

    def with_training(self, **changes: Any) -> "Recipe":
        """The same run with other settings of the loop, which are not checked again."""
        training = self.config.training.model_copy(update=changes)
        return replace(self, config=self.config.model_copy(update={"training": training}))
