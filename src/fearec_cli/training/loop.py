"""The training loop: epochs, validation, early stopping."""

import copy
import time
from pathlib import Path
from typing import Literal

import torch

from fearec_cli.config import Recipe, TrainingConfig
from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.windows import TrainingWindows
from fearec_cli.devices.agreement import Agreement
from fearec_cli.devices.engine import Engine
from fearec_cli.errors import CheckpointError, DataError, EvaluationError, TrainingError
from fearec_cli.evaluation.evaluate import evaluate
from fearec_cli.evaluation.metrics import check_k, parse_metric
from fearec_cli.kernels.allocator import keep_freed_memory
from fearec_cli.model.average import WeightAverage
from fearec_cli.model.build import build_encoder
from fearec_cli.model.encoder import Encoder
from fearec_cli.runs.records import EpochRecord
from fearec_cli.runs.run_files import Saves
from fearec_cli.runs.state import Best, RunProgress, RunState
from fearec_cli.runs.trackers import Track
from fearec_cli.system.memory import explaining_out_of_memory
from fearec_cli.system.seeds import derived_seed
from fearec_cli.training.batch_size import gauge_of, largest_batch
from fearec_cli.training.finite import FiniteWatch
from fearec_cli.training.objective import Objective
from fearec_cli.training.optimizer import make_optimizer
from fearec_cli.training.reporting import Outcome, Reporter, Stop, StopReason
from fearec_cli.training.step import TrainingStep

# Metrics of the record; the one that picks the best weights is added where it is another.
RECORDED_KS = (5, 10, 20)
# Asking whether the losses are finite makes the host wait for a device that works on its own.
_STEPS_BETWEEN_CHECKS = 50
# What the clock or a signal requests after a step; of several requests the larger counts.
_REQUESTS: tuple[Literal["save"] | StopReason | None, ...] = (None, "save", "interrupted", "time-limit")


def _samples(recipe: Recipe, table: InteractionTable, prepared: Prepared) -> TrainingPrefixes | TrainingWindows:
    """What is learned from, as the targets ask for it."""
    model = recipe.model
    if recipe.training.targets == "all":
        return TrainingWindows(table, prepared, model.max_length)
    return TrainingPrefixes(table, prepared, model.max_length, model.padding)


class Trainer:
    """One run on one data set.

    Args:
        recipe: what is trained, and how.
        prepared: the data set.
        directory: where the run leaves its files.
        reporter: follows the run.
        engine: where and how it computes; by default what the configuration names, in this process.

    Attributes:
        track: also gets each record, where the run is tracked.

    Raises:
        DataError: the data set has no training prefix.
        ConfigError: a component cannot be built in its layer, or a term reads what the model does not have.
        TrainingError: the device is not there.
    """

    def __init__(
        self,
        recipe: Recipe,
        prepared: Prepared,
        directory: Path,
        reporter: Reporter,
        engine: Engine | None = None,
    ) -> None:
        config = self._config = recipe.config
        self.engine = engine or Engine(config.training)
        self._reporter = reporter
        self.track: Track | None = None
        self._processes = self.engine.processes
        self._metric, self._metric_k = parse_metric(config.training.metric)
        # The presets' 10 is not the user's request: of a smaller catalogue it is the whole.
        if self._metric_k > parse_metric(TrainingConfig().metric)[1]:
            check_k(self._metric_k, prepared.n_items, f"training.metric = {config.training.metric}")
        self._saves = Saves(directory, recipe, prepared, self._processes)

        device = self.engine.device
        if device.type == "cpu":
            keep_freed_memory()
        seed = config.training.seed
        torch.manual_seed(derived_seed(seed, "weights and dropout"))
        self._table = InteractionTable.load(prepared, device)
        self._samples = _samples(recipe, self._table, prepared)
        self._valid = prepared.split.valid
        if len(self._samples) == 0:
            raise DataError(f"{prepared.directory}: has no training prefix; prepare it with more data")
        objective = Objective(recipe, self._processes)
        self._terms = [term.name for term in objective.terms]
        encoder = build_encoder(recipe, prepared.n_items).to(device)
        if "penalty" in objective.views:
            encoder.penalty()  # an error before anything is trained
        optimizer = make_optimizer(encoder, config.training)
        average = WeightAverage(encoder, config.training.ema) if config.training.ema else None
        self._in_float32 = copy.deepcopy(encoder) if self.engine.shortens_weights and average is None else None
        trained = self.engine.set_up(encoder, optimizer)
        self._state = RunState(
            RunProgress(orders="hashed"),
            encoder,
            optimizer,
            torch.Generator(device).manual_seed(derived_seed(seed, "draws")),
            torch.zeros(1 + len(self._terms), device=device),
            average,
            trained.own_random,
            trained.scaler,
            torch.zeros_like(encoder.item_table(), dtype=torch.float32) if "memory" in objective.views else None,
        )
        self._agreement = Agreement(self._processes)
        # Of windows the number of steps depends on how their lengths happen to add up, by a step or so.
        self._steps_per_epoch = -(-len(self._samples) // config.training.batch_size)
        self._step = TrainingStep(
            self._state,
            trained,
            objective,
            self._samples,
            config.training,
            self._steps_per_epoch,
            reporter.on_note,
        )
        self._watch = FiniteWatch(self._terms, device)
        self._steps_between_checks = 1 if device.type == "cpu" else _STEPS_BETWEEN_CHECKS
        self._whole = False  # whether the epoch under way has been trained to its end
        self._trained_prefixes = 0
        self._trained_seconds = 0.0

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self._state.encoder.parameters())

    @property
    def steps_per_epoch(self) -> int:
        """How many steps an epoch has; of windows, about."""
        return self._steps_per_epoch

    @property
    def step(self) -> int:
        """Steps done in all."""
        return self._state.progress.step

    @property
    def terms(self) -> list[str]:
        """Names of the loss terms, in the order of `Reporter.on_step`'s losses."""
        return self._terms

    def largest_batch(self) -> int:
        """The largest power of two of targets that a step can take, found by trying; which spoils the weights.

        Raises:
            TrainingError: not even a few fit.
        """

        def try_batch(size: int) -> None:
            if size not in tried:
                self._reporter.on_note(f"--batch-size auto: trying {size:,}")
                tried.add(size)
            self._step(self._samples.some(size))

        tried: set[int] = set()
        self._state.encoder.train()
        return largest_batch(try_batch, len(self._samples), gauge_of(self._table.items.device))

    def resume(self) -> list[str]:
        """Resume the run in the directory.

        Returns:
            A warning for each state that is damaged and was passed over.

        Raises:
            CheckpointError: there is none, or it belongs to another configuration or data set.
        """
        return self._saves.restore(self._state)

    def run(self, stop: Stop) -> Outcome:
        """Train until a limit, until validation stops improving, or until asked to stop.

        Raises:
            TrainingError: a loss or the gradient is not finite, or the memory does not suffice.
            OutputError: the directory cannot be written.
        """
        state, progress = self._state, self._state.progress
        self._saves.write_settings()
        if progress.step == 0:
            self._saves.save_state(state)  # so that the run can be resumed whenever it is killed
        reason = self._finished()  # a run that is resumed may have been at its end
        if reason is None:
            progress.closing = None
        if progress.closing is None:
            self._saves.take_back(progress)
            if reason is not None and progress.step_in_epoch > 0:
                self._validate(0.0)
                self._saves.save_state(state)
        while reason is None:
            reason, prefixes_per_second = self._train(stop)
            if reason != "interrupted":
                self._validate(prefixes_per_second)
            elif progress.best is None:
                self._saves.save_best(state, {})
            self._saves.save_state(state)
            interrupted = bool(*self._processes.largest([int(stop.requested)]))
            reason = reason or self._finished() or ("interrupted" if interrupted else None)
        return Outcome(
            reason,
            self._saves.best,
            progress.closing or progress.best,
            progress,
            self._trained_prefixes / max(self._trained_seconds, 1e-9),
        )

    def _finished(self) -> StopReason | None:
        """What ends the run after a validation, if anything does."""
        training, progress = self._config.training, self._state.progress
        if progress.worse >= training.patience:
            return "patience"
        return "epochs" if progress.epoch >= training.epochs else self._limit()

    def _limit(self) -> StopReason | None:
        """The limit that is reached, which may be in the middle of an epoch."""
        return self._step_limit() or self._time_limit()

    def _step_limit(self) -> StopReason | None:
        training, progress = self._config.training, self._state.progress
        if 0 < training.schedule_steps <= progress.step:
            return "schedule"
        return "max-steps" if 0 < training.max_steps <= progress.step else None

    def _time_limit(self) -> StopReason | None:
        return "time-limit" if 0 < self._config.training.time_limit * 60 <= self._state.progress.seconds else None

    def _agreed(self, stop: Stop, seconds_per_step: float) -> Literal["save"] | StopReason | None:
        """The request that all processes follow after this step."""
        request = self._time_limit() or ("interrupted" if stop.requested else "save" if self._saves.due else None)
        return _REQUESTS[self._agreement(_REQUESTS.index(request), seconds_per_step)]

    def _train(self, stop: Stop) -> tuple[StopReason | None, float]:
        """Train to the end of the epoch, or of the run.

        Returns:
            What ended the run, and prefixes per second.
        """
        training, state, progress = self._config.training, self._state, self._state.progress
        # The order depends on seed and epoch alone, so that a resumed run finds its place in it.
        by_sum = progress.orders == "sum"
        of_epoch = training.seed + progress.epoch if by_sum else derived_seed(training.seed, "order", progress.epoch)
        order = torch.Generator().manual_seed(of_epoch)
        batches = list(self._samples.epoch(training.batch_size, order))
        begin, before, prefixes = time.perf_counter(), progress.seconds, 0
        first = progress.step_in_epoch
        if first > len(batches):
            raise CheckpointError(
                f"the state stands at step {first:,} of an epoch of {len(batches):,}, where no run of these "
                "settings can stand; start the run again with another --out"
            )
        reason: StopReason | None = None
        self._reporter.on_epoch_start(progress, len(batches))
        state.encoder.train()
        with explaining_out_of_memory(self._memory_of_step):
            for batch in batches[first:]:
                losses, gradient = self._step(batch)
                state.losses += losses
                progress.step += 1
                progress.step_in_epoch += 1
                prefixes += self._samples.count(batch)
                self._watch.see(losses, gradient, progress.step)
                if progress.step % self._steps_between_checks == 0:
                    self._check_finite()
                elapsed = time.perf_counter() - begin
                progress.seconds = before + elapsed
                self._reporter.on_step(
                    progress, len(batches), state.losses / progress.step_in_epoch, prefixes / elapsed
                )
                reason = self._step_limit()
                if reason is not None:
                    break
                request = self._agreed(stop, elapsed / (progress.step_in_epoch - first))
                if request == "save":
                    self._check_finite()
                    paused = time.perf_counter()
                    self._saves.save_state(state)
                    begin += time.perf_counter() - paused
                elif request is not None:
                    reason = request
                    break
            self._check_finite()
        self._whole = progress.step_in_epoch == len(batches)
        elapsed = time.perf_counter() - begin
        # The first process's clock, so that a limit of time ends all or none.
        progress.seconds = float(self._processes.broadcast(repr(before + elapsed)))
        self._trained_prefixes += prefixes
        self._trained_seconds += elapsed
        return reason, prefixes / max(elapsed, 1e-9)

    def _check_finite(self) -> None:
        """Raise if a loss or the gradient was not finite, before anything of it is saved."""
        broken = self._watch.broken()
        if broken is not None:
            raise TrainingError(
                f"{broken.name} became inf or NaN at step {broken.step}, in epoch "
                f"{self._state.progress.epoch + 1}; lower training.learning_rate or the term's weight; "
                f"{self._saves.last_good(self._state)}"
            )

    def _validated(self) -> Encoder:
        """What is validated: the encoder that a checkpoint gives, with float32 weights."""
        if self._in_float32 is None:
            return self._state.evaluated.eval()
        self._in_float32.load_state_dict(self._state.encoder.state_dict())
        return self._in_float32.eval()

    def _validate(self, prefixes_per_second: float) -> None:
        """Evaluate, keep the weights if they are the best, and leave a record.

        In mid-epoch, where a limit has ended the run, nothing of it enters early stopping.
        """
        training, state, progress = self._config.training, self._state, self._state.progress
        whole = self._whole
        objective, *terms = (state.losses / progress.step_in_epoch).tolist()
        if whole:
            progress.epoch += 1
            progress.step_in_epoch = 0
            state.losses.zero_()
        self._reporter.on_validation(progress, 0, len(self._valid))

        def on_progress(done: int, targets: int) -> None:
            self._reporter.on_validation(progress, done, targets)

        try:
            with explaining_out_of_memory(self._memory_of_validation):
                evaluation = evaluate(
                    self._validated(), self._table, self._valid, processes=self._processes, on_progress=on_progress
                )
        except EvaluationError as error:
            raise TrainingError(f"step {progress.step}: {error}; {self._saves.last_good(state)}") from error
        metrics = evaluation.metrics(sorted({*RECORDED_KS, self._metric_k}))
        found = Best(
            value=self._metric(evaluation.ranks[training.protocol], self._metric_k), epoch=progress.epoch + (not whole)
        )
        better = progress.best is None or found.value > progress.best.value
        if better:
            if not whole and progress.best is not None:
                self._saves.keep_best_aside()
            self._saves.save_best(state, metrics)
        if whole:
            progress.worse = 0 if better else progress.worse + 1
            progress.best = found if better else progress.best
        else:
            progress.closing = found if better else progress.best
        record = EpochRecord(
            epoch=found.epoch,
            step=progress.step,
            seconds=progress.seconds,
            prefixes_per_second=prefixes_per_second,
            loss=objective,
            terms=dict(zip(self.terms, terms, strict=True)),
            valid=metrics,
        )
        self._saves.record(record)
        if self.track is not None:
            self.track(record)
        self._reporter.on_epoch(record, best=better)

    def _memory_of_step(self) -> str:
        training, progress = self._config.training, self._state.progress
        return (
            f"out of memory at step {progress.step + 1}: lower training.batch_size (now {training.batch_size}; "
            "`--batch-size auto` finds one that fits), raise training.accumulate, lower model.max_length, or choose a "
            f"loss that samples its negatives; {self._saves.last_good(self._state)}"
        )

    def _memory_of_validation(self) -> str:
        return (
            f"out of memory in the validation after step {self._state.progress.step}: lower model.max_length or "
            f"model.dim; {self._saves.last_good(self._state)}"
        )
