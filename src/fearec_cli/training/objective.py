"""The objective: a weighted sum of loss terms over one encoder batch that holds every view of a step."""

from collections.abc import Iterable
from typing import NamedTuple, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import Loss, LossInputs, View
from fearec_cli.components.violations import check_tensor, checking_reads, errors_of, violation
from fearec_cli.config import Ingredient, Recipe
from fearec_cli.data.batches import Batch, TrainingPrefixes
from fearec_cli.data.windows import TrainingWindows
from fearec_cli.errors import ConfigError
from fearec_cli.system.processes import ALONE, Processes
from fearec_cli.training.views import INSIDE, Histories, TrainedEncoder, encode_views, remember


class WeightedLoss(NamedTuple):
    """A term with its name, weight, and what messages call it."""

    name: str
    weight: float
    loss: Loss
    label: str = "a loss term"

    @property
    def compares_views(self) -> bool:
        """Whether it reads further encodings of the sequences."""
        return bool(self.loss.views - {"memory", "penalty"})

    def value(self, inputs: LossInputs) -> Float[Tensor, ""]:
        """The term before its weight.

        Raises:
            PluginError: it reads a view that it does not declare, or gives anything but one number.
        """
        with errors_of(self.label), checking_reads(self.label, "views"):
            value = self.loss(inputs)
        return check_tensor(self.label, "value", value, (), inputs.representation.dtype)


class Objective:
    """The objective that training minimises.

    With several processes each encodes its own rows of a batch, and all of them evaluate the terms on the rows of
    all: a term sees the whole batch and need not know of processes. docs/scaling.md says what that costs.

    Args:
        recipe: has the terms, their weights and options.
        processes: who encodes which rows.

    Raises:
        ConfigError: a term compares branches, and the model has only one.
        PluginError: a term cannot be built, or declares an unknown view.
    """

    def __init__(self, recipe: Recipe, processes: Processes = ALONE) -> None:
        self._processes = processes
        self.terms = tuple(
            WeightedLoss(term.entry.name, term.weight, _build(term), term.entry.label) for term in recipe.losses
        )
        self.views = frozenset[View]().union(*(term.loss.views for term in self.terms))
        # Those of a micro-batch; a contrast needs two at least.
        self._drawn = max(2, recipe.training.drawn_positions // recipe.training.accumulate)
        if recipe.training.targets == "all":
            _check_all_positions(recipe)
        if recipe.model.repeats == "learned":
            _check_added_scores(self.terms)
        if len(recipe.attentions) < 2:
            _check_branches(self.terms, recipe.config.attention)

    def __call__(
        self,
        encoder: TrainedEncoder,
        samples: TrainingPrefixes | TrainingWindows,
        chosen: Int[Tensor, "B"],
        generator: torch.Generator,
        memory: Float[Tensor, "I D"] | None = None,
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "T"]]:
        """The objective on some prefixes or windows, and the value of each term before its weight.

        Args:
            encoder: the model.
            samples: the training part.
            chosen: indices of the step's samples, the same on every process.
            generator: of the draws, the same on every process.
            memory: the last representation of every target, changed in place; where a term reads `memory`.
        """
        if isinstance(samples, TrainingWindows):
            every, compared = self._of_windows(encoder, samples, chosen, generator, memory)
        else:
            every = compared = self._of_prefixes(encoder, samples, chosen, generator, memory)
        values = [term.value(compared if term.compares_views else every) for term in self.terms]
        if memory is not None:
            remember(memory, every.targets, every.representation)
        # Weights are the host's numbers: as a tensor they would have to be copied to the device at every step.
        total = torch.stack([term.weight * value for term, value in zip(self.terms, values, strict=True)]).sum()
        return total, torch.stack(values).detach()

    def _penalty(self, encoder: TrainedEncoder) -> Float[Tensor, ""] | None:
        return encoder.penalty() if "penalty" in self.views else None

    def _of_windows(
        self,
        encoder: TrainedEncoder,
        windows: TrainingWindows,
        chosen: Int[Tensor, "B"],
        generator: torch.Generator,
        memory: Float[Tensor, "I D"] | None,
    ) -> tuple[LossInputs, LossInputs]:
        """Every real position as a row, with the item that follows it as its target; and a few of them, drawn, with
        further views.

        With several processes each encodes a share of the windows, and all of them evaluate the terms on all rows.
        """
        batch = windows.batch(chosen)
        share = self._processes.own(len(batch.ids))
        own = share if share.stop > share.start else slice(0, 1)  # a process without one encodes a row that is not used
        encoded = encoder(batch.ids[own], batch.lengths[own], {"positions"})
        assert encoded.positions is not None  # they were asked for
        rows = encoded.positions[batch.ids[own] > 0]
        if self._processes.size > 1:
            shares = self._processes.sizes(len(batch.ids))
            sizes = [int(lengths.sum()) for lengths in batch.lengths.split(shares)]
            rows = self._processes.gather_sized(rows[: sizes[self._processes.rank]], sizes)
        every = LossInputs(
            representation=rows,
            targets=batch.targets,
            items=encoder.item_table(),
            later=batch.later,
            added=encoder.added_everywhere(batch.ids),
            memory=None if memory is None else memory[batch.targets],
            penalty=self._penalty(encoder),
        )
        if not any(term.compares_views for term in self.terms):
            return every, every
        return every, self._of_drawn(encoder, windows, chosen, batch, every, generator)

    def _of_drawn(
        self,
        encoder: TrainedEncoder,
        windows: TrainingWindows,
        chosen: Int[Tensor, "B"],
        batch: Batch,
        every: LossInputs,
        generator: torch.Generator,
    ) -> LossInputs:
        """Some of the rows with their views: each is encoded again as a history of its own."""
        size, device = len(batch.targets), batch.ids.device
        drawn = torch.randperm(size, generator=generator, device=generator.device)[: self._drawn].to(device)
        window, position = (axis[drawn] for axis in (batch.ids > 0).nonzero(as_tuple=True))
        before = torch.arange(batch.ids.shape[1], device=device) <= position[:, None]
        itself = Histories(batch.ids[window] * before, position + 1)
        inside = self.views & INSIDE
        histories: dict[str, Histories] = {"anchor": itself} if inside else {}
        if "dropout" in self.views:
            histories["dropout"] = itself
        if "semantic" in self.views:
            alike = windows.semantic(chosen[window.cpu()], position, generator)
            histories["semantic"] = Histories(alike.ids, alike.lengths)
        # What is inside is compared position by position and bin by bin, so that it has the model's length.
        longest = windows.max_length if inside else int(torch.cat([view.lengths for view in histories.values()]).max())
        encodings = encode_views(
            encoder,
            self._processes,
            {name: Histories(_to_width(view.ids, longest), view.lengths) for name, view in histories.items()},
            self.views,
        )
        representations = encodings.representations
        return LossInputs(
            representation=representations.pop("anchor", every.representation[drawn]),
            targets=every.targets[drawn],
            items=every.items,
            views=representations,
            positions=encodings.positions,
            branches=encodings.branches,
            spectrum=encodings.spectrum,
            later=None if every.later is None else every.later[drawn],
            memory=None if every.memory is None else every.memory[drawn],
            penalty=every.penalty,
        )

    def _of_prefixes(
        self,
        encoder: TrainedEncoder,
        prefixes: TrainingPrefixes,
        chosen: Int[Tensor, "B"],
        generator: torch.Generator,
        memory: Float[Tensor, "I D"] | None,
    ) -> LossInputs:
        """The last position of every prefix is a row; all views of the step go through the encoder in one batch."""
        batch = prefixes.batch(chosen)
        histories = {"anchor": Histories(batch.ids, batch.lengths)}
        if "dropout" in self.views:
            histories["dropout"] = histories["anchor"]
        if "semantic" in self.views:
            alike = prefixes.batch(prefixes.semantic_positives(chosen, generator))
            histories["semantic"] = Histories(alike.ids, alike.lengths)
        encodings = encode_views(encoder, self._processes, histories, self.views)
        return LossInputs(
            representation=encodings.representations.pop("anchor"),
            targets=batch.targets,
            items=encoder.item_table(),
            views=encodings.representations,
            positions=encodings.positions,
            branches=encodings.branches,
            spectrum=encodings.spectrum,
            later=batch.later,
            added=encoder.added_scores(batch.ids, batch.lengths),
            memory=None if memory is None else memory[batch.targets],
            penalty=self._penalty(encoder),
        )


def _to_width(ids: Int[Tensor, "B L"], width: int) -> Int[Tensor, "B N"]:
    """Ids with padding cut off or added on the right."""
    return torch.nn.functional.pad(ids, (0, width - ids.shape[1]))


def _build(term: Ingredient) -> Loss:
    loss: Loss = term.build()
    views, known = getattr(loss, "views", None), get_args(View)
    if not isinstance(views, frozenset) or not views <= set(known):
        expected = f"a frozenset of some of {', '.join(known)}"
        raise violation(term.entry.label, "views", expected=expected, got=repr(views))
    return loss


def _check_all_positions(recipe: Recipe) -> None:
    """Training on every position needs a model in which no position depends on a later one.

    Raises:
        ConfigError: names every component that does, and settings that do not fit.
    """
    parts = [*recipe.attentions, recipe.filter, recipe.fusion]
    problems = [
        f"training.targets = all: the {part.entry.kind} {part.entry.name!r} looks at later items, which every position "
        "but the last has to predict; use a causal one (`fearec components` lists them) or training.targets = last"
        for part in parts
        if not part.entry.component.causal
    ]
    if recipe.model.padding != "right":
        problems.append(
            "training.targets = all: needs model.padding = right, so that no position has padding in its past"
        )
    if recipe.model.pooling != "last":
        problems.append("training.targets = all: needs model.pooling = last; a mean would see the whole history")
    if problems:
        raise ConfigError(problems)


def _check_added_scores(weighted: Iterable[WeightedLoss]) -> None:
    """Check that every term takes in the added scores: without them it would train another model than is evaluated.

    Raises:
        ConfigError: names every such term.
    """
    problems = [
        f"model.repeats = learned: the loss {term.name!r} does not use the added scores; use ce"
        for term in weighted
        if not term.loss.views and not getattr(term.loss, "adds_scores", False)
    ]
    if problems:
        raise ConfigError(problems)


def _check_branches(weighted: Iterable[WeightedLoss], attention: str) -> None:
    problems = [
        f"loss: {term.name} compares the branches of the model, and --attention {attention} is one alone; "
        "join two, as in --attention ramp+autocorr, or leave the term out"
        for term in weighted
        if "branches" in term.loss.views
    ]
    if problems:
        raise ConfigError(problems)
