"""The search: trials one after another, cut short where they fall behind, the best kept as a file of settings."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from fearec_cli.config import Recipe
from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import ConfigError, TrainingError
from fearec_cli.runs.directory import STATES
from fearec_cli.runs.records import EpochRecord
from fearec_cli.system.atomic import atomic_file
from fearec_cli.training.reporting import Reporter, Stop
from fearec_cli.training.run import train
from fearec_cli.tuning.space import Dimension, suggest
from fearec_cli.tuning.storage import explaining_storage

BEST = "best.toml"
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Budget:
    """When a search ends.

    Attributes:
        trials: of the whole study, those of earlier and of other processes among them; 0 for no limit.
        minutes: of this process; 0 for no limit.
    """

    trials: int
    minutes: float


@dataclass(frozen=True)
class Found:
    """Results of a search.

    Attributes:
        best: value and settings of the best trial; None where none was completed.
        file: its whole recipe; None where there is none.
        completed: trials that ended by themselves.
        pruned: trials that were cut short.
        importance: share of each option in what trials differ by (PED-ANOVA, Watanabe et al., IJCAI 2023); empty where
            there are too few trials to tell.
        interrupted: whether it was asked to stop.
    """

    best: tuple[float, Mapping[str, Any]] | None
    file: Path | None
    completed: int
    pruned: int
    importance: Mapping[str, float]
    interrupted: bool


class _Follower(Reporter):
    """Reports validations to Optuna, and asks the run to end if it falls behind or time is up."""

    def __init__(self, trial: optuna.trial.Trial, recipe: Recipe, stop: Stop, search: Stop, deadline: float) -> None:
        self._trial, self._training = trial, recipe.training
        self._stop, self._search, self._deadline = stop, search, deadline
        self.pruned = False
        self.late = False

    def on_step(self, *_: Any) -> None:
        """Look at the clock, and whether the whole search is to stop."""
        if self._search.requested:
            self._stop.request()
        elif time.monotonic() > self._deadline and not self._stop.requested:
            self.late = True
            self._stop.request()

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        """Report a validation."""
        self._trial.report(record.valid[self._training.protocol][self._training.metric], record.epoch)
        if self._trial.should_prune() and not self._stop.requested:
            self.pruned = True
            self._stop.request()


def search(
    study: optuna.study.Study,
    space: Sequence[Dimension],
    make_recipe: Callable[[Mapping[str, Any]], Recipe],
    prepared: Prepared,
    directory: Path,
    *,
    budget: Budget,
    stop: Stop,
    on_trial: Callable[[FrozenTrial, float | None, str], None],
) -> Found:
    """Try settings until the budget is spent. The first trial has the settings as given.

    Args:
        study: where trials are kept; those that are there count.
        space: what is varied.
        make_recipe: the recipe with these values of options.
        prepared: the data set; its test part is withheld from every trial.
        directory: gets trial-N/ for each trial, and the best one's recipe.
        budget: when it ends.
        stop: asks it to end; the trial under way is tried again when the search goes on.
        on_trial: called after each trial with the best value so far and what became of it.

    Raises:
        FearecError: the storage or the directory cannot be written.
    """
    withheld = prepared.without_test()
    deadline = time.monotonic() + budget.minutes * 60 if budget.minutes else float("inf")

    def objective(trial: optuna.trial.Trial) -> float:
        values = suggest(trial, space)
        own = Stop()
        try:
            recipe = make_recipe(values)
            follower = _Follower(trial, recipe, own, stop, deadline)
            place = directory / f"trial-{trial.number}"
            outcome = train(recipe, withheld, directory=place, reporter=follower, stop=own)
        except (ConfigError, TrainingError) as error:
            # Options that do not go together, or a loss that is not finite: a point of the space to stay away from.
            trial.set_user_attr("problem", str(error)[:500])
            raise optuna.TrialPruned from error
        shutil.rmtree(place / STATES, ignore_errors=True)  # a trial is not resumed
        if outcome is None or outcome.best is None or outcome.reason == "interrupted":
            if not (follower.pruned or follower.late):
                raise _InterruptedError
            if follower.late:
                trial.set_user_attr("problem", "the time was up")
            raise optuna.TrialPruned
        trial.set_user_attr("epochs", outcome.progress.epoch)
        return outcome.best.value

    def after(study: optuna.study.Study, trial: FrozenTrial) -> None:
        best = _best(study)
        if best is not None and best.number == trial.number:
            _write_best(study, best, make_recipe(best.params), directory, prepared)
        on_trial(trial, None if best is None else best.value, trial.user_attrs.get("problem", ""))
        if _spent(study, budget) or stop.requested:
            study.stop()

    with explaining_storage():
        while not stop.requested and not _spent(study, budget) and time.monotonic() < deadline:
            try:
                study.optimize(objective, n_trials=1, callbacks=[after])
            except _InterruptedError:
                interrupted = max(study.trials, key=lambda trial: trial.number)
                study.enqueue_trial(interrupted.params)
                break
        best = _best(study)
        if best is not None:  # again: the number of trials has grown
            _write_best(study, best, make_recipe(best.params), directory, prepared)
        return _found(study, directory, stop.requested)


class _InterruptedError(Exception):
    """The search was asked to stop in the middle of a trial."""


def _spent(study: optuna.study.Study, budget: Budget) -> bool:
    return bool(budget.trials) and len(study.get_trials(deepcopy=False, states=_DONE)) >= budget.trials


def _best(study: optuna.study.Study) -> FrozenTrial | None:
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return max(completed, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)


def _found(study: optuna.study.Study, directory: Path, interrupted: bool) -> Found:
    best = _best(study)
    completed = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    pruned = len(study.get_trials(deepcopy=False, states=(TrialState.PRUNED,)))
    importance: Mapping[str, float] = {}
    values = {trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))}
    if completed >= 4 and len(values) > 1:  # below, every share would be chance
        importance = optuna.importance.get_param_importances(study)
    return Found(
        None if best is None or best.value is None else (best.value, best.params),
        None if best is None else directory / BEST,
        completed,
        pruned,
        importance,
        interrupted,
    )


def _write_best(
    study: optuna.study.Study, best: FrozenTrial, recipe: Recipe, directory: Path, prepared: Prepared
) -> None:
    """Write best.toml: the whole recipe, under what it was chosen by."""
    training = recipe.training
    done = len(study.get_trials(deepcopy=False, states=_DONE))
    head = (
        f"# The best of {done} trials on {prepared.name} (fingerprint {prepared.fingerprint[:16]}), trial "
        f"{best.number}.\n"
        f"# {training.metric} {best.value:.4f}, {training.protocol}, in validation: the largest of {done} numbers "
        "flatters.\n# Judge it on the test part: fearec train --config FILE --seeds 5\n"
    )
    with atomic_file(directory / BEST) as temporary:
        temporary.write_text(head + recipe.config.to_toml(), encoding="utf-8")
