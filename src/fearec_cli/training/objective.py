"""The objective: a weighted sum of loss terms over one encoder batch that holds every view of a step."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import Loss, LossInputs, View
from fearec_cli.composition import terms
from fearec_cli.config import RunConfig
from fearec_cli.data.batches import TrainingPrefixes
from fearec_cli.model.encoder import Encoder
from fearec_cli.registry import Registry


class WeightedLoss(NamedTuple):
    """A term with its name and weight."""

    name: str
    weight: float
    loss: Loss


class Objective:
    """What training makes small.

    Args:
        config: names the terms, their weights and options.
        registry: where the terms are found.
    """

    def __init__(self, config: RunConfig, registry: Registry) -> None:
        self.terms = tuple(
            WeightedLoss(
                term.name,
                term.weight,
                registry.get("loss", term.name).component.build(config.components[term.name]),
            )
            for term in terms(config.loss)
        )
        self.views = frozenset[View]().union(*(term.loss.views for term in self.terms))

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
        values = torch.stack([term.loss(inputs) for term in self.terms])
        weights = values.new_tensor([term.weight for term in self.terms])
        return values @ weights, values.detach()
