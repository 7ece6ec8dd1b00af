"""The objective: a weighted sum of loss terms over one encoder batch that holds every view of a step."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol, get_args, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fearec_cli.api import Loss, LossInputs, View
from fearec_cli.components.violations import check_tensor, checking_reads, errors_of, violation
from fearec_cli.config import Ingredient, Recipe
from fearec_cli.data.batches import Batch, TrainingPrefixes
from fearec_cli.data.windows import TrainingWindows
from fearec_cli.errors import ConfigError
from fearec_cli.model.encoder import Encoded
from fearec_cli.nn.repeats import AddedScores
from fearec_cli.system.processes import ALONE, Processes


@runtime_checkable  # annotations are checked at run time in the tests
class TrainedEncoder(Protocol):
    """What is trained: an encoder, or one behind an engine."""

    def __call__(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], wanted: Collection[View] = ()) -> Encoded:
        """Encode sequences, as `Encoder.forward`."""

    def item_table(self) -> Float[Tensor, "I D"]:
        """The items' vectors, without the padding row."""

    def added_scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> AddedScores | None:
        """What is added to the scores after each history, as `Encoder.added_scores`."""

    def added_everywhere(self, ids: Int[Tensor, "B N"]) -> AddedScores | None:
        """The same for every real position."""


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
        with errors_of(self.label), checking_reads(self.label, "views"):
            value = self.loss(inputs)
        return check_tensor(self.label, "value", value, (), inputs.anchor.dtype)


class Objective:
    """What training makes small.

    With several processes each encodes its own rows of a batch, and all of them evaluate the terms on the rows of
    all: a term sees the whole batch and need not know of processes. What that costs stands in docs/scaling.md.

    Args:
        recipe: has the terms, their weights and options.
        processes: who encodes which rows.

    Raises:
        ConfigError: a term compares branches, and the model has one alone.
        PluginError: a term cannot be built, or declares a view that nobody can give.
    """

    def __init__(self, recipe: Recipe, processes: Processes = ALONE) -> None:
        self._processes = processes
        self.terms = tuple(
            WeightedLoss(term.entry.name, term.weight, _build(term), term.entry.label) for term in recipe.losses
        )
        self.views = frozenset[View]().union(*(term.loss.views for term in self.terms))
        if recipe.training.targets == "all":
            _check_all_positions(recipe, self.terms)
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
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "T"]]:
        """The objective on some prefixes or windows, and the value of each term before its weight.

        Args:
            encoder: the model.
            samples: the training part.
            chosen: indices of the step's samples, the same on every process.
            generator: of the semantic draws, the same on every process.
        """
        inputs = (
            self._of_windows(encoder, samples.batch(chosen))
            if isinstance(samples, TrainingWindows)
            else self._of_prefixes(encoder, samples, chosen, generator)
        )
        values = [term.value(inputs) for term in self.terms]
        # Weights are the host's numbers: as a tensor they would have to be copied to the device at every step.
        total = torch.stack([term.weight * value for term, value in zip(self.terms, values, strict=True)]).sum()
        return total, torch.stack(values).detach()

    def _of_windows(self, encoder: TrainedEncoder, batch: Batch) -> LossInputs:
        """Every real position is a row, with the item that follows it as its target.

        With several processes each encodes a share of the windows, and all of them evaluate the terms on all rows.
        """
        windows = self._processes.own(len(batch.ids))
        own = windows if windows.stop > windows.start else slice(0, 1)  # a process without one encodes for nothing
        encoded = encoder(batch.ids[own], batch.lengths[own], {"positions"})
        assert encoded.positions is not None  # they were asked for
        rows = encoded.positions[batch.ids[own] > 0]
        if self._processes.size > 1:
            shares = self._processes.sizes(len(batch.ids))
            sizes = [int(lengths.sum()) for lengths in batch.lengths.split(shares)]
            rows = self._processes.gather_sized(rows[: sizes[self._processes.rank]], sizes)
        return LossInputs(
            anchor=rows,
            targets=batch.targets,
            items=encoder.item_table(),
            later=batch.later,
            added=encoder.added_everywhere(batch.ids),
        )

    def _of_prefixes(
        self,
        encoder: TrainedEncoder,
        prefixes: TrainingPrefixes,
        chosen: Int[Tensor, "B"],
        generator: torch.Generator,
    ) -> LossInputs:
        """The last position of every prefix is a row; all views of the step go through the encoder in one batch."""
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
        size = len(chosen)
        own = self._processes.own(size)
        rows = own.stop - own.start
        # Where a batch has fewer rows than there are processes, some encode a row of another's for nothing, as all
        # of them have to take part in the averaging of the gradients.
        encoded_rows = own if rows else slice(0, 1)
        # One pass for all views: large products instead of several small ones.
        encoded = _encode_by_length(
            encoder,
            torch.cat([view[encoded_rows] for view in ids]),
            torch.cat([view[encoded_rows] for view in lengths]),
            self.views,
        )

        def gather(signal: Tensor) -> Tensor:
            """[views x own rows, ...] of every process -> [B, views, ...]."""
            by_view = signal.unflatten(0, (-1, max(rows, 1)))
            return self._processes.gather(by_view.transpose(0, 1)[:rows], size)

        views = dict(zip(names, gather(encoded.representation).unbind(1), strict=True))
        positions = {}
        if encoded.positions is not None:
            positions = dict(zip(names, gather(encoded.positions).unbind(1), strict=True))
        anchors = slice(0, rows)
        return LossInputs(
            anchor=views.pop("anchor"),
            targets=batch.targets,
            items=encoder.item_table(),
            views=views,
            positions=positions,
            branches=tuple(self._processes.gather(branch[anchors], size) for branch in encoded.branches),
            spectrum=None if encoded.spectrum is None else self._processes.gather(encoded.spectrum[anchors], size),
            later=batch.later,
            added=encoder.added_scores(batch.ids, batch.lengths),
        )


def _encode_by_length(
    encoder: TrainedEncoder, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], wanted: Collection[View]
) -> Encoded:
    """Encode sequences, on a CPU the short ones first: its attention does less work on neighbours that are short."""
    if ids.device.type != "cpu":
        return encoder(ids, lengths, wanted)
    order = lengths.argsort()
    return encoder(ids[order], lengths[order], wanted).in_order(order.argsort())


def _build(term: Ingredient) -> Loss:
    loss: Loss = term.build()
    views, known = getattr(loss, "views", None), get_args(View)
    if not isinstance(views, frozenset) or not views <= set(known):
        expected = f"a frozenset of some of {', '.join(known)}"
        raise violation(term.entry.label, "views", expected=expected, got=repr(views))
    return loss


def _check_all_positions(recipe: Recipe, weighted: Iterable[WeightedLoss]) -> None:
    """Training on every position needs a model in which no position depends on a later one.

    Raises:
        ConfigError: names every component that does, every term that needs other views, and settings that do not fit.
    """
    parts = [*recipe.attentions, recipe.filter, recipe.fusion]
    problems = [
        f"training.targets = all: the {part.entry.kind} {part.entry.name!r} looks at later items, which every position "
        "but the last has to predict; use a causal one (`fearec components` lists them) or training.targets = last"
        for part in parts
        if not part.entry.component.causal
    ]
    problems += [
        f"training.targets = all: the loss {term.name!r} reads {', '.join(sorted(term.loss.views))} of single "
        "prefixes; leave it out, or use training.targets = last"
        for term in weighted
        if term.loss.views
    ]
    if recipe.model.padding != "right":
        problems.append("training.targets = all: needs model.padding = right, so that padding lies in nobody's past")
    if recipe.model.pooling != "last":
        problems.append("training.targets = all: needs model.pooling = last; a mean would see the whole history")
    if problems:
        raise ConfigError(problems)


def _check_added_scores(weighted: Iterable[WeightedLoss]) -> None:
    """A term that scores items by their products alone would train another model than the one that is evaluated.

    Raises:
        ConfigError: names every such term.
    """
    problems = [
        f"model.repeats = learned: the loss {term.name!r} does not take in the scores that are added; use ce"
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
