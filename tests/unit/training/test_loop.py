"""The training loop: when it ends, which weights it keeps, what it tells. The metrics are scripted."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import DataError, EvaluationError, TrainingError
from fearec_cli.evaluation.evaluate import Evaluation
from fearec_cli.runs.checkpoint import load_checkpoint
from fearec_cli.runs.directory import state_file, state_files
from fearec_cli.runs.records import EpochRecord
from fearec_cli.runs.state import Best, RunProgress, RunState
from fearec_cli.system.seeds import derived_seed
from fearec_cli.training import loop
from fearec_cli.training.loop import Trainer
from fearec_cli.training.reporting import Outcome, Reporter, Stop
from support.tiny import config, held_out, prepared

# 8 users of 6 items: 24 training prefixes, 3 steps of 8 an epoch.
SEQUENCES = [[(user + place) % 12 + 1 for place in range(6)] for user in range(8)]
STEPS = 3


class Listener(Reporter):
    """Remembers what is reported."""

    def __init__(self, at: int = 0, stop: Stop | None = None) -> None:
        self.steps: list[tuple[int, int, int]] = []
        self.means: list[list[float]] = []
        self.epochs: list[tuple[int, bool]] = []
        self._at, self._stop = at, stop

    def on_step(self, progress: RunProgress, steps: int, losses: torch.Tensor, prefixes_per_second: float) -> None:
        self.steps.append((progress.step, progress.step_in_epoch, steps))
        self.means.append(losses.tolist())
        if self._stop is not None and progress.step == self._at:
            self._stop.request()

    def on_epoch(self, record: EpochRecord, *, best: bool) -> None:
        self.epochs.append((record.epoch, best))


def data(sequences: list[list[int]] = SEQUENCES) -> Prepared:
    return prepared(sequences, n_items=12)


def trainer(directory: Path, *assignments: str, listener: Listener | None = None, **flags: Any) -> Trainer:
    settings = config(
        "model.layers=1",
        "training.batch_size=8",
        "training.metric=HR@10",
        *assignments,
        preset="sasrec",
        **flags,
    )
    return Trainer(Recipe.of(settings, load_components()), data(), directory, listener or Listener())


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch):
    """Gives validation these values of HR@10 in tenths, one an epoch, the last one for ever."""

    def play(*tenths: int) -> None:
        ahead = list(tenths)

        def evaluate(*_arguments: Any, **_options: Any) -> Evaluation:
            good = ahead.pop(0) if len(ahead) > 1 else ahead[0]
            ranks = np.array([1] * good + [11] * (10 - good))
            return Evaluation(
                held_out("valid", users=range(10)), {"unmasked": ranks, "seen-masked": ranks[::-1].copy()}
            )

        monkeypatch.setattr(loop, "evaluate", evaluate)

    return play


def run(trainer: Trainer, stop: Stop | None = None) -> Outcome:
    return trainer.run(stop or Stop())


def best_step(outcome: Outcome) -> int:
    return load_checkpoint(outcome.checkpoint, torch.device("cpu")).info.step


@pytest.mark.parametrize(
    ("tenths", "patience", "epochs", "best"),
    [
        ([5], 3, 4, 1),  # the same again is not better
        ([1, 2, 3, 4, 0], 2, 6, 4),
        ([3, 1, 4, 1, 5, 0], 2, 7, 5),  # a better value gives new patience
        ([3, 1, 1, 9], 2, 3, 1),  # what would come later is not known
        ([0], 1, 2, 1),  # the first is the best so far, even if it is 0
    ],
    ids=str,
)
def test_training_ends_when_patience_does(tmp_path, script, tenths, patience, epochs, best) -> None:
    script(*tenths)
    listener = Listener()
    outcome = run(trainer(tmp_path, f"training.patience={patience}", listener=listener))
    assert outcome.reason == "patience"
    assert listener.epochs[-1][0] == epochs
    assert outcome.best == outcome.progress.best == Best(value=tenths[best - 1] / 10, epoch=best)
    assert best_step(outcome) == best * STEPS


def test_the_best_weights_are_kept_and_not_the_last(tmp_path: Path, script) -> None:
    script(1, 5, 2, 3)
    outcome = run(trainer(tmp_path / "long", "training.epochs=4"))
    script(1, 5)
    short = run(trainer(tmp_path / "short", "training.epochs=2"))
    assert outcome.reason == short.reason == "epochs"
    kept, expected = load_file(outcome.checkpoint), load_file(short.checkpoint)
    assert kept.keys() == expected.keys()
    assert all(value.equal(expected[name]) for name, value in kept.items())
    assert best_step(outcome) == 2 * STEPS


def test_each_limit_ends_the_run(tmp_path: Path, script) -> None:
    script(1)
    assert run(trainer(tmp_path / "a", "training.epochs=2")).progress.step == 2 * STEPS
    outcome = run(trainer(tmp_path / "b", "training.max_steps=4"))
    assert (outcome.reason, outcome.progress.step, outcome.progress.step_in_epoch) == ("max-steps", 4, 1)
    outcome = run(trainer(tmp_path / "c", f"training.max_steps={STEPS}"))
    assert (outcome.reason, outcome.progress.epoch, outcome.progress.step_in_epoch) == ("max-steps", 1, 0)


def test_a_time_limit_ends_the_run_after_the_step_under_way(tmp_path: Path, script, monkeypatch) -> None:
    script(1)
    clock = iter(range(0, 10**9, 20))  # every look at the clock takes 20 seconds
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    outcome = run(trainer(tmp_path, "training.time_limit=1"))
    assert outcome.reason == "time-limit"
    assert outcome.progress.seconds >= 60
    assert 0 < outcome.progress.step <= 4
    assert best_step(outcome) == outcome.progress.step


def test_time_counts_over_resumed_runs(tmp_path: Path, script, monkeypatch) -> None:
    script(1)
    clock = iter(range(0, 10**9, 15))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    first = run(trainer(tmp_path, "training.max_steps=2"))
    again = trainer(tmp_path, "training.time_limit=1")
    again.resume()
    outcome = run(again)
    assert outcome.reason == "time-limit"
    assert outcome.progress.seconds >= 60 > first.progress.seconds > 0
    assert outcome.progress.step > first.progress.step


@pytest.mark.parametrize("at", [1, STEPS, STEPS + 1])
def test_a_stop_ends_the_run_after_the_step_under_way(tmp_path: Path, script, at: int) -> None:
    script(1)
    stop = Stop()
    listener = Listener(at, stop)
    outcome = run(trainer(tmp_path, listener=listener), stop)
    assert (outcome.reason, outcome.progress.step) == ("interrupted", at)
    # Only whole epochs are validated, and one that ends with the stop is left to the resumed run.
    assert listener.epochs == [(1, True)] * (at > STEPS)
    assert state_file(tmp_path, at).is_file()
    assert outcome.checkpoint.is_file()


def test_the_record_tells_what_validation_gave(tmp_path: Path, script) -> None:
    script(3, 7)
    run(trainer(tmp_path, "training.epochs=2"))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["valid"]["unmasked"]["HR@10"] for line in lines] == [0.3, 0.7]
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, STEPS), (2, 2 * STEPS)]


def test_the_metric_with_a_length_of_its_own_is_recorded(tmp_path: Path, script) -> None:
    script(4)
    run(trainer(tmp_path, "training.metric=MRR@7", "training.epochs=1"))
    line = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert {name.partition("@")[2] for name in line["valid"]["unmasked"]} == {"5", "7", "10", "20"}


def test_every_step_is_reported_with_the_mean_so_far(tmp_path: Path, script) -> None:
    script(1)
    listener = Listener()
    run(trainer(tmp_path, "training.epochs=2", listener=listener))
    assert listener.steps == [(1, 1, 3), (2, 2, 3), (3, 3, 3), (4, 1, 3), (5, 2, 3), (6, 3, 3)]
    record = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])
    assert listener.means[2] == pytest.approx([record["loss"], record["terms"]["ce"]])


def test_every_prefix_is_trained_on_once_an_epoch(tmp_path: Path, script, monkeypatch) -> None:
    script(1)
    seen: list[int] = []
    real = loop.Objective.__call__

    def watched(self, encoder, prefixes, chosen, *draws):
        seen.extend(chosen.tolist())
        return real(self, encoder, prefixes, chosen, *draws)

    monkeypatch.setattr(loop.Objective, "__call__", watched)
    run(trainer(tmp_path, "training.epochs=2"))
    first, second = seen[:24], seen[24:]
    assert sorted(first) == sorted(second) == list(range(24))
    assert first != second


def broken_objective(monkeypatch: pytest.MonkeyPatch, at: int, values: list[float]) -> None:
    """From step `at` on the terms have these values."""
    real, calls = loop.Objective.__call__, []

    def broken(self, *arguments):
        calls.append(1)
        total, terms = real(self, *arguments)
        return (total, terms) if len(calls) < at else (total * sum(values), torch.tensor(values))

    monkeypatch.setattr(loop.Objective, "__call__", broken)


@pytest.mark.parametrize(
    ("loss", "values", "name"),
    [
        ("ce", [float("nan")], "ce"),
        ("ce+0.1*contrast", [1.0, float("inf")], "contrast"),
        ("ce+0.1*contrast", [float("nan"), float("nan")], "ce"),
    ],
    ids=str,
)
@pytest.mark.parametrize("at", [1, 2, 5])
def test_the_first_term_that_is_not_finite_is_named(tmp_path, script, monkeypatch, loss, values, name, at) -> None:
    script(1)
    broken_objective(monkeypatch, at, values)
    with pytest.raises(TrainingError) as caught:
        run(trainer(tmp_path, loss=loss))
    kept = f"the best weights before it are in {tmp_path}/best.safetensors" if at > STEPS else "nothing was kept"
    assert str(caught.value) == (
        f"{name} became inf or NaN at step {at}, in epoch {(at - 1) // STEPS + 1}; "
        f"lower training.learning_rate or the term's weight; {kept}"
    )
    assert (tmp_path / "best.safetensors").is_file() == (at > STEPS)


def test_a_data_set_with_nothing_to_train_on(tmp_path: Path) -> None:
    settings = config(preset="sasrec")
    with pytest.raises(DataError, match="nowhere: has no training prefix"):
        Trainer(Recipe.of(settings, load_components()), data([[1, 2, 3], [3, 2, 1]]), tmp_path, Listener())


def test_a_validation_that_a_limit_added_is_none_for_early_stopping(tmp_path: Path, script) -> None:
    script(5, 9, 4, 4)
    first = run(trainer(tmp_path, "training.max_steps=4", "training.patience=2"))
    assert (first.reason, best_step(first)) == ("max-steps", 4)
    assert first.best == Best(value=0.9, epoch=2)
    again = trainer(tmp_path, "training.patience=2")
    assert again.resume() == []
    outcome = run(again)
    # 0.9 was in mid-epoch: the run that was never stopped has not seen it.
    assert (outcome.reason, outcome.progress.step) == ("patience", 3 * STEPS)
    assert outcome.best == Best(value=0.5, epoch=1)
    assert best_step(outcome) == STEPS
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [STEPS, 2 * STEPS, 3 * STEPS]


def test_a_limit_in_mid_epoch_that_finds_nothing_better_keeps_the_best(tmp_path: Path, script) -> None:
    script(5, 3)
    outcome = run(trainer(tmp_path, "training.max_steps=4"))
    assert outcome.best == Best(value=0.5, epoch=1)
    assert best_step(outcome) == STEPS


def test_states_are_saved_within_an_epoch_when_it_is_time(tmp_path: Path, script, monkeypatch) -> None:
    script(1)
    now, saved = [0.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    real = RunState.save

    def save(self, *arguments):
        saved.append(self.progress.step)
        real(self, *arguments)

    monkeypatch.setattr(RunState, "save", save)

    class Clock(Listener):
        def on_step(self, *arguments) -> None:
            now[0] += 50.0  # of seconds, each step

    run(trainer(tmp_path, "training.epochs=3", "training.save_minutes=1.5", listener=Clock()))
    # At the start, at the end of each epoch, and 90 seconds after the last save.
    assert saved == [0, 2, 3, 5, 6, 8, 9]
    assert list(state_files(tmp_path)) == [9, 8]
    now[0], saved[:] = 0.0, []
    run(trainer(tmp_path / "b", "training.epochs=2", "training.save_minutes=0", listener=Clock()))
    assert saved == [0, 3, 6]


@pytest.mark.parametrize("at", [2, 4])
def test_nothing_broken_is_saved_where_the_device_is_asked_seldom(tmp_path, script, monkeypatch, at: int) -> None:
    script(1)
    broken_objective(monkeypatch, at, [float("nan")])
    monkeypatch.setattr(time, "monotonic", iter(range(0, 10**9, 10**4)).__next__)  # a save is due at every step
    broken = trainer(tmp_path, "training.save_minutes=1")
    broken._steps_between_checks = 10**6
    with pytest.raises(TrainingError, match=rf"^ce became inf or NaN at step {at}, in epoch"):
        run(broken)
    assert list(state_files(tmp_path)) == [at - 1, at - 2]


@pytest.mark.parametrize(
    ("when", "message"),
    [
        (2, "out of memory at step 2: lower training.batch_size (now 8; `--batch-size auto` finds one that fits), "),
        (5, "out of memory at step 5: lower training.batch_size (now 8; `--batch-size auto` finds one that fits), "),
    ],
)
def test_too_little_memory_for_a_step(tmp_path: Path, script, monkeypatch, when: int, message: str) -> None:
    script(1)
    real, calls = loop.Objective.__call__, []

    def short(self, *arguments):
        calls.append(1)
        if len(calls) == when:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return real(self, *arguments)

    monkeypatch.setattr(loop.Objective, "__call__", short)
    with pytest.raises(TrainingError) as caught:
        run(trainer(tmp_path))
    kept = f"the best weights before it are in {tmp_path}/best.safetensors" if when > STEPS else "nothing was kept"
    assert str(caught.value) == (
        f"{message}raise training.accumulate, lower model.max_length, or choose a loss that samples its negatives; "
        f"{kept}"
    )


def test_too_little_memory_for_a_validation(tmp_path: Path, monkeypatch) -> None:
    def evaluate(*_arguments: Any, **_options: Any) -> Evaluation:
        raise MemoryError

    monkeypatch.setattr(loop, "evaluate", evaluate)
    with pytest.raises(TrainingError, match=r"^out of memory in the validation after step 3: lower model.max_length"):
        run(trainer(tmp_path))


def test_scores_that_are_no_numbers(tmp_path: Path, monkeypatch) -> None:
    def evaluate(*_arguments: Any, **_options: Any) -> Evaluation:
        raise EvaluationError("the model gives scores that are not a number")

    monkeypatch.setattr(loop, "evaluate", evaluate)
    with pytest.raises(TrainingError, match=r"^step 3: the model gives .*; nothing was kept$"):
        run(trainer(tmp_path))


class Orders:
    """Remembers the seeds of the orders of epochs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seeds: list[int] = []
        epoch = loop.TrainingPrefixes.epoch

        def watched(samples, batch_size, order):
            self.seeds.append(order.initial_seed())
            return epoch(samples, batch_size, order)

        monkeypatch.setattr(loop.TrainingPrefixes, "epoch", watched)


def test_each_epoch_has_an_order_of_its_own(tmp_path, script, monkeypatch):
    script(1)
    orders = Orders(monkeypatch)
    trainer(tmp_path, "training.epochs=2", "training.seed=5").run(Stop())
    assert orders.seeds == [derived_seed(5, "order", 0), derived_seed(5, "order", 1)]


def test_a_run_that_began_with_orders_by_sum_keeps_them(tmp_path, script, monkeypatch):
    script(1)
    orders = Orders(monkeypatch)
    begun = trainer(tmp_path, "training.epochs=2", "training.seed=5")
    begun._state.progress = RunProgress.model_validate_json("{}")  # a state from before has no word of it
    begun.run(Stop())
    assert orders.seeds == [5, 6]
