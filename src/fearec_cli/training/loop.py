"""The training loop: steps, validation, early stopping."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from fearec_cli.atomic import atomic_file
from fearec_cli.config import RunConfig
from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import DataError, EvaluationError, TrainingError
from fearec_cli.evaluation.evaluate import evaluate
from fearec_cli.evaluation.metrics import parse_metric
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.model.compose import build_encoder
from fearec_cli.registry import Registry
from fearec_cli.training.checkpoint import describe, save_checkpoint
from fearec_cli.training.device import choose_device
from fearec_cli.training.directory import BEST_FILE, RECORD_FILE, RUN_FILE, STATE_FILE
from fearec_cli.training.objective import Objective
from fearec_cli.training.state import Place, RunState
from fearec_cli.training.tracking import EpochRecord, append_record, drop_records_after

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
        self._registry = registry
        self._prepared = prepared
        self._directory = directory
        self._reporter = reporter
        self._metric, self._metric_k = parse_metric(config.training.metric)
        self._item_ids = prepared.item_ids()

        device = choose_device(config.training.device)
        torch.manual_seed(config.training.seed)
        self._table = InteractionTable.load(prepared, device)
        self._prefixes = TrainingPrefixes(self._table, prepared, config.model.max_length, config.model.padding)
        if len(self._prefixes) == 0:
            raise DataError(
                f"{prepared.directory}: no user has the 4 interactions that make one training prefix beside a "
                "validation and a test target; prepare it with more data"
            )
        self._objective = Objective(config, registry)
        encoder = build_encoder(config, registry, prepared.n_items).to(device)
        optimizer = torch.optim.Adam(encoder.parameters(), lr=config.training.learning_rate, fused=True)
        self._state = RunState(
            Place(),
            encoder,
            optimizer,
            torch.Generator().manual_seed(config.training.seed),
            torch.zeros(1 + len(self.terms), device=device),
        )
        self._trained_prefixes = 0
        self._trained_seconds = 0.0

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self._state.encoder.parameters())

    @property
    def terms(self) -> list[str]:
        """Names of the loss terms, in the order of `Reporter.on_step`'s losses."""
        return [term.name for term in self._objective.terms]

    def resume(self) -> None:
        """Take up the run that stands in the directory.

        Raises:
            CheckpointError: there is none, or it belongs to another configuration or data set.
        """
        self._state.load(self._directory / STATE_FILE, self._config.identity(), self._prepared.fingerprint)
        drop_records_after(self._directory / RECORD_FILE, self._state.place.step)

    def run(self, stop: Stop) -> Outcome:
        """Train until a limit, until validation stops improving, or until asked to stop.

        Raises:
            TrainingError: the loss is not finite.
            OutputError: the directory cannot be written.
        """
        with atomic_file(self._directory / RUN_FILE) as temporary:
            temporary.write_text(self._config.to_toml(), encoding="utf-8")
        place = self._state.place
        reason = self._finished()  # a run that is resumed may have been at its end
        while reason is None:
            reason, losses, seconds, prefixes = self._epoch(stop)
            self._trained_prefixes += prefixes
            self._trained_seconds += seconds
            if reason != "interrupted":
                self._validate(losses, prefixes / max(seconds, 1e-9))
            elif place.best is None:
                self._save_best({})
            self._save_state()
            reason = reason or self._finished()
        return Outcome(
            reason,
            self._directory / BEST_FILE,
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
        # Where each loss was first infinite or no number; 0 is nowhere. Kept on the device, to wait for it once.
        broken_at = torch.zeros_like(state.losses, dtype=torch.int64)
        state.encoder.train()
        for step in range(place.step_in_epoch, len(batches)):
            losses = self._step(batches[step])
            state.losses += losses
            place.step += 1
            broken_at = torch.where(losses.isfinite() | (broken_at > 0), broken_at, place.step)
            place.step_in_epoch = step + 1
            prefixes += len(batches[step])
            elapsed = time.perf_counter() - begin
            place.seconds = before + elapsed
            self._reporter.on_step(place, len(batches), state.losses / (step + 1), prefixes / elapsed)
            reason = self._limit() or ("interrupted" if stop.requested else None)
            if reason is not None:
                break
        losses = state.losses / max(1, place.step_in_epoch)
        self._refuse_infinite(losses, broken_at)  # the epoch's one wait for the device
        # An epoch that is interrupted at its end stays open: the resumed run begins with its validation.
        if place.step_in_epoch == len(batches) and reason != "interrupted":
            place.epoch += 1
            place.step_in_epoch = 0
            state.losses.zero_()
        return reason, losses, time.perf_counter() - begin, prefixes

    def _step(self, chosen: Tensor) -> Tensor:
        state = self._state
        loss, values = self._objective(state.encoder, self._prefixes, chosen, state.draws)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        state.optimizer.step()
        return torch.cat([loss.detach()[None], values])

    def _refuse_infinite(self, losses: Tensor, broken_at: Tensor) -> None:
        """Stop at a loss that is not finite, and name the term that was the first.

        Args:
            losses: [1 + terms] means over the epoch so far.
            broken_at: [1 + terms] step at which each was first not finite, or 0.
        """
        place = self._state.place
        # A term before the objective, which is never finite where a term is not.
        broken = [
            (step or place.step, name == _OBJECTIVE, name)
            for name, value, step in zip([_OBJECTIVE, *self.terms], losses.tolist(), broken_at.tolist(), strict=True)
            if step or not math.isfinite(value)
        ]
        if broken:
            step, _, name = min(broken)
            raise TrainingError(
                f"{name} became infinite or no number at step {step}, in epoch {place.epoch + 1}; lower "
                f"training.learning_rate or the term's weight; {self._last_good()}"
            )

    def _last_good(self) -> str:
        if self._state.place.best is None:
            return "nothing was kept"
        return f"the best weights before it are in {self._directory / BEST_FILE}"

    def _validate(self, losses: Tensor, prefixes_per_second: float) -> None:
        training, place = self._config.training, self._state.place
        encoder = self._state.encoder.eval()
        try:
            evaluation = evaluate(encoder, self._table, "valid")
        except EvaluationError as error:
            raise TrainingError(f"step {place.step}: {error}; {self._last_good()}") from error
        ks = sorted({*RECORDED_KS, self._metric_k})
        metrics = evaluation.metrics(ks)
        value = self._metric(evaluation.ranks[training.protocol], self._metric_k)
        better = place.best is None or value > place.best
        place.worse = 0 if better else place.worse + 1
        epoch = place.epoch + (place.step_in_epoch > 0)
        if better:
            place.best, place.best_epoch = value, epoch
            self._save_best(metrics)
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
        append_record(self._directory / RECORD_FILE, record)
        self._reporter.on_epoch(record, best=better)

    def _save_best(self, metrics: Mapping[RankProtocol, Mapping[str, float]]) -> None:
        info = describe(
            self._config,
            self._registry,
            dataset=self._prepared.name,
            fingerprint=self._prepared.fingerprint,
            step=self._state.place.step,
            metrics=metrics,
        )
        save_checkpoint(self._directory / BEST_FILE, self._state.encoder, self._item_ids, info)

    def _save_state(self) -> None:
        self._state.save(self._directory / STATE_FILE, self._config.identity(), self._prepared.fingerprint)
