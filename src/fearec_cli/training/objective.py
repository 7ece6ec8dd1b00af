"""The objective: a weighted sum of loss terms over one encoder batch that holds every view of a step."""

from collections.abc import Iterable
from typing import NamedTuple, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import Loss, LossInputs, View
from fearec_cli.composition import branches, terms
from fearec_cli.config import RunConfig
from fearec_cli.data.batches import TrainingPrefixes
from fearec_cli.errors import ConfigError
from fearec_cli.model.encoder import Encoder
from fearec_cli.refusals import blamed_on, blamed_on_reading, check_tensor, refusal
from fearec_cli.registry import Registered, Registry


class WeightedLoss(NamedTuple):
    """A term with its name, weight, and what messages call it."""

    name: str
    weight: float
    loss: Loss
    label: str = "a loss term"

    def value(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term before its weight.

        Raises:
            PluginError: it reads a view that it does not declare, or gives anything but one number.
        """
        with blamed_on(self.label), blamed_on_reading(self.label, "views"):
            value = self.loss(inputs)
        return check_tensor(self.label, "value", value, (), inputs.anchor.dtype)


class Objective:
    """What training makes small.

    Args:
        config: names the terms, their weights and options.
        registry: where the terms are found.

    Raises:
        ConfigError: a term compares branches, and the model has one alone.
        PluginError: a term cannot be built, or declares a view that nobody can give.
    """

    def __init__(self, config: RunConfig, registry: Registry) -> None:
        chosen = [(term, registry.get("loss", term.name)) for term in terms(config.loss)]
        self.terms = tuple(
            WeightedLoss(term.name, term.weight, _build(entry, config), entry.label) for term, entry in chosen
        )
        self.views = frozenset[View]().union(*(term.loss.views for term in self.terms))
        if len(branches(config.attention)) < 2:
            _refuse_branches(self.terms, config.attention)

    def __call__(
        self,
        encoder: Encoder,
        prefixes: TrainingPrefixes,
        chosen: Int[Tensor, "B"],
        generator: torch.Generator,
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "T"]]:
        """The objective on some prefixes, and the value of each term before its weight.

        Args:
            encoder: the model.
            prefixes: the training part.
            chosen: indices of the step's prefixes.
            generator: of the semantic draws.
        """
        batch = prefixes.batch(chosen)
        ids, lengths, names = [batch.ids], [batch.lengths], ["anchor"]
        if "dropout" in self.views:
            ids.append(batch.ids)
            lengths.append(batch.lengths)
            names.append("dropout")
        if "semantic" in self.views:
            alike = prefixes.batch(prefixes.semantic_positives(chosen, generator))
            ids.append(alike.ids)
            lengths.append(alike.lengths)
            names.append("semantic")
        # One pass for all views: large products instead of several small ones.
        encoded = encoder(torch.cat(ids), torch.cat(lengths), self.views)
        size = len(chosen)
        views = dict(zip(names, encoded.representation.split(size), strict=True))
        positions = {}
        if encoded.positions is not None:
            positions = dict(zip(names, encoded.positions.split(size), strict=True))
        inputs = LossInputs(
            anchor=views.pop("anchor"),
            targets=batch.targets,
            items=encoder.item_table(),
            views=views,
            positions=positions,
            branches=tuple(branch[:size] for branch in encoded.branches),
            spectrum=None if encoded.spectrum is None else encoded.spectrum[:size],
        )
        values = torch.stack([term.value(inputs) for term in self.terms])
        weights = values.new_tensor([term.weight for term in self.terms])
        return values @ weights, values.detach()


def _build(entry: Registered, config: RunConfig) -> Loss:
    with blamed_on(entry.label):
        loss: Loss = entry.component.build(config.components[entry.name])
    views, known = getattr(loss, "views", None), get_args(View)
    if not isinstance(views, frozenset) or not views <= set(known):
        expected = f"a frozenset of some of {', '.join(known)}"
        raise refusal(entry.label, "views", expected=expected, got=repr(views))
    return loss


def _refuse_branches(weighted: Iterable[WeightedLoss], attention: str) -> None:
    problems = [
        f"loss: {term.name} compares the branches of the model, and --attention {attention} is one alone; "
        "join two, as in --attention ramp+autocorr, or leave the term out"
        for term in weighted
        if "branches" in term.loss.views
    ]
    if problems:
        raise ConfigError(problems)
