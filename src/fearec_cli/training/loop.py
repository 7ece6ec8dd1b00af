"""The training loop: epochs, validation, early stopping."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from fearec_cli.config import RunConfig
from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import DataError, EvaluationError, TrainingError
from fearec_cli.evaluation.evaluate import evaluate
from fearec_cli.evaluation.metrics import parse_metric
from fearec_cli.model.compose import build_encoder
from fearec_cli.registry import Registry
from fearec_cli.training.device import choose_device
from fearec_cli.training.finite import FiniteWatch
from fearec_cli.training.objective import Objective
from fearec_cli.training.saves import Saves
from fearec_cli.training.state import Place, RunState
from fearec_cli.training.step import TrainingStep
from fearec_cli.training.tracking import EpochRecord

StopReason = Literal["patience", "epochs", "max-steps", "time-limit", "interrupted"]

# Metrics of the record; the one that picks the best weights is added where it is another.
RECORDED_KS = (5, 10, 20)
_OBJECTIVE = "the objective"


@runtime_checkable  # annotations are checked at run time in the tests
class Reporter(Protocol):
    """Who is told how training goes."""

    def on_step(self, place: Place, steps: int, losses: Tensor, prefixes_per_second: float) -> None:
        """After each step; reading `losses` makes the host wait for the device, so seldom do.

        Args:
            place: where the run stands.
            steps: of an epoch.
            losses: [1 + terms] running means over the epoch: the objective, then each term.
            prefixes_per_second: of this epoch so far.
        """

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """After each validation."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        reason: what ended it.
        checkpoint: the best weights.
        place: where it stood.
        prefixes_per_second: over the whole run in this process, validation left out.
    """

    reason: StopReason
    checkpoint: Path
    place: Place
    prefixes_per_second: float


class Stop:
    """Asks a run to end after its current step; what a signal handler calls."""

    requested = False

    def request(self) -> None:
        """Ask."""
        self.requested = True


class Trainer:
    """One run on one data set.

    Args:
        config: a validated configuration.
        registry: where its components are found.
        prepared: the data set.
        directory: where the run leaves its files.
        reporter: who is told how it goes.

    Raises:
        DataError: the data set has no training prefix.
        ConfigError: a component cannot be built in its place.
        TrainingError: the device is not there.
    """

    def __init__(
        self, config: RunConfig, registry: Registry, prepared: Prepared, directory: Path, reporter: Reporter
    ) -> None:
        self._config = config
        self._reporter = reporter
        self._metric, self._metric_k = parse_metric(config.training.metric)
        self._saves = Saves(directory, config, registry, prepared)

        device = choose_device(config.training.device)
        torch.manual_seed(config.training.seed)
        self._table = InteractionTable.load(prepared, device)
        self._prefixes = TrainingPrefixes(self._table, prepared, config.model.max_length, config.model.padding)
        self._valid = prepared.split.valid
        if len(self._prefixes) == 0:
            raise DataError(
                f"{prepared.directory}: no user has the 4 interactions that make one training prefix beside a "
                "validation and a test target; prepare it with more data"
            )
        objective = Objective(config, registry)
        self._terms = [term.name for term in objective.terms]
        encoder = build_encoder(config, registry, prepared.n_items).to(device)
        optimizer = torch.optim.Adam(encoder.parameters(), lr=config.training.learning_rate, fused=True)
        self._state = RunState(
            Place(),
            encoder,
            optimizer,
            torch.Generator().manual_seed(config.training.seed),
            torch.zeros(1 + len(self._terms), device=device),
        )
        self._step = TrainingStep(self._state, objective, self._prefixes)
        self._watch = FiniteWatch([_OBJECTIVE, *self._terms], device)
        self._trained_prefixes = 0
        self._trained_seconds = 0.0

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self._state.encoder.parameters())

    @property
    def terms(self) -> list[str]:
        """Names of the loss terms, in the order of `Reporter.on_step`'s losses."""
        return self._terms

    def resume(self) -> None:
        """Take up the run that stands in the directory.

        Raises:
            CheckpointError: there is none, or it belongs to another configuration or data set.
        """
        self._saves.restore(self._state)

    def run(self, stop: Stop) -> Outcome:
        """Train until a limit, until validation stops improving, or until asked to stop.

        Raises:
            TrainingError: the loss is not finite.
            OutputError: the directory cannot be written.
        """
        self._saves.write_settings()
        place = self._state.place
        reason = self._finished()  # a run that is resumed may have been at its end
        while reason is None:
            reason, losses, seconds, prefixes = self._epoch(stop)
            self._trained_prefixes += prefixes
            self._trained_seconds += seconds
            if reason != "interrupted":
                self._validate(losses, prefixes / max(seconds, 1e-9))
            elif place.best is None:
                self._saves.save_best(self._state, {})
            self._saves.save_state(self._state)
            reason = reason or self._finished()
        return Outcome(
            reason,
            self._saves.best,
            place,
            self._trained_prefixes / max(self._trained_seconds, 1e-9),
        )

    def _finished(self) -> StopReason | None:
        """What ends the run after a validation, if anything does."""
        training, place = self._config.training, self._state.place
        if place.worse >= training.patience:
            return "patience"
        return "epochs" if place.epoch >= training.epochs else self._limit()

    def _limit(self) -> StopReason | None:
        """The limit that is reached, which may be in the middle of an epoch."""
        training, place = self._config.training, self._state.place
        if 0 < training.max_steps <= place.step:
            return "max-steps"
        if 0 < training.time_limit * 60 <= place.seconds:
            return "time-limit"
        return None

    def _epoch(self, stop: Stop) -> tuple[StopReason | None, Tensor, float, int]:
        """Train to the end of the epoch, or to what ends the run before it.

        Returns:
            What ended the run, mean losses, seconds and prefixes.
        """
        training, state, place = self._config.training, self._state, self._state.place
        # The order depends on seed and epoch alone, so that a resumed run finds its place in it.
        order = torch.Generator().manual_seed(training.seed + place.epoch)
        batches = list(self._prefixes.epoch(training.batch_size, order))
        begin, before, prefixes = time.perf_counter(), place.seconds, 0
        reason: StopReason | None = None
        state.encoder.train()
        for step in range(place.step_in_epoch, len(batches)):
            losses = self._step(batches[step])
            state.losses += losses
            place.step += 1
            self._watch.see(losses, place.step)
            place.step_in_epoch = step + 1
            prefixes += len(batches[step])
            elapsed = time.perf_counter() - begin
            place.seconds = before + elapsed
            self._reporter.on_step(place, len(batches), state.losses / (step + 1), prefixes / elapsed)
            reason = self._limit() or ("interrupted" if stop.requested else None)
            if reason is not None:
                break
        losses = state.losses / max(1, place.step_in_epoch)
        self._refuse_infinite(losses)  # the epoch's one wait for the device
        # An epoch that is interrupted at its end stays open: the resumed run begins with its validation.
        if place.step_in_epoch == len(batches) and reason != "interrupted":
            place.epoch += 1
            place.step_in_epoch = 0
            state.losses.zero_()
        return reason, losses, time.perf_counter() - begin, prefixes

    def _refuse_infinite(self, losses: Tensor) -> None:
        """Stop at a loss that is not finite.

        Args:
            losses: [1 + terms] means over the epoch so far.
        """
        place = self._state.place
        broken = self._watch.broken(losses, place.step)
        if broken is not None:
            raise TrainingError(
                f"{broken.name} became infinite or no number at step {broken.step}, in epoch {place.epoch + 1}; lower "
                f"training.learning_rate or the term's weight; {self._saves.last_good(self._state)}"
            )

    def _validate(self, losses: Tensor, prefixes_per_second: float) -> None:
        training, place = self._config.training, self._state.place
        encoder = self._state.encoder.eval()
        try:
            evaluation = evaluate(encoder, self._table, self._valid)
        except EvaluationError as error:
            raise TrainingError(f"step {place.step}: {error}; {self._saves.last_good(self._state)}") from error
        ks = sorted({*RECORDED_KS, self._metric_k})
        metrics = evaluation.metrics(ks)
        value = self._metric(evaluation.ranks[training.protocol], self._metric_k)
        better = place.best is None or value > place.best
        place.worse = 0 if better else place.worse + 1
        epoch = place.epoch + (place.step_in_epoch > 0)
        if better:
            place.best, place.best_epoch = value, epoch
            self._saves.save_best(self._state, metrics)
        objective, *terms = losses.tolist()
        record = EpochRecord(
            epoch=epoch,
            step=place.step,
            seconds=place.seconds,
            prefixes_per_second=prefixes_per_second,
            loss=objective,
            terms=dict(zip(self.terms, terms, strict=True)),
            valid=metrics,
        )
        self._saves.record(record)
        self._reporter.on_epoch(record, best=better)
