"""The live bar of training at every width, and the lines above it."""

import io
import re
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from rich.console import Console

from fearec_cli.cli.show import progress as module
from fearec_cli.cli.show.progress import BarReporter, PlainReporter
from fearec_cli.config import RunConfig
from fearec_cli.runs.records import EpochRecord
from fearec_cli.runs.state import Best, RunProgress
from fearec_cli.training.reporting import Beginning
from support.screen import WIDTHS, shown, too_long
from support.tiny import config, prepared

TERMS = ["ce", "contrast", "spectral"]
LOSSES = torch.tensor([8.5293, 5.8194, 25.9140, 1.1860])
METRICS = {"HR@10": 0.1367, "NDCG@10": 0.0631}


def settings(*assignments: str) -> RunConfig:
    return config(*assignments, preset="fearec")


def beginning(*assignments: str, steps: int = 118) -> Beginning:
    return Beginning(settings(*assignments), prepared([[1, 2, 3]]), TERMS, 125_760, steps, "cpu, 32-true")


def at(step: int, *, best: Best | None = None, worse: int = 0, epoch: int = 2) -> RunProgress:
    return RunProgress(epoch=epoch, step_in_epoch=step, step=118 * epoch + step, best=best, worse=worse)


def record(epoch: int = 3, step: int = 354, seconds: float = 100.0) -> EpochRecord:
    terms = dict(zip(TERMS, LOSSES[1:].tolist(), strict=True))
    return EpochRecord(epoch, step, seconds, 475.2, 8.5293, terms, {"unmasked": METRICS, "seen-masked": METRICS})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Seconds that the reporters believe."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now.seconds))
    return now


def reporter(kind: type[PlainReporter], columns: int, *assignments: str, terminal: bool = True) -> PlainReporter:
    made = kind(Console(file=io.StringIO(), force_terminal=terminal, width=columns, color_system=None))
    made.on_start(beginning(*assignments))
    return made


def bar(reporter: BarReporter, columns: int) -> str:
    """What is live, as it stands on a terminal of so many columns."""
    console = Console(file=io.StringIO(), width=columns, force_terminal=True, color_system="standard")
    console.print(reporter.bar.get_renderable())
    (line,) = shown(cast("io.StringIO", console.file).getvalue(), 200)
    assert not too_long([line], columns)
    return line


def lines(reporter: PlainReporter) -> list[str]:
    return cast("io.StringIO", reporter.console.file).getvalue().splitlines()


@pytest.mark.parametrize("columns", WIDTHS)
def test_bar_count_and_remaining_time_are_there_at_every_width(columns: int, clock: SimpleNamespace) -> None:
    live = cast("BarReporter", reporter(BarReporter, columns, "training.epochs=200"))
    live.on_epoch_start(at(0), 118)
    assert re.search(r"^epoch 3/200 ━{4,} +0/118 -:--:--$", bar(live, columns))
    clock.seconds += 2
    live.on_step(at(40, best=Best(value=0.1, epoch=1), worse=2), 118, LOSSES, 475.0)
    found = re.fullmatch(r"epoch 3/200 [━╸╺]{4,} +40/118 \S+ ?(.*)", bar(live, columns))
    assert found is not None
    assert (
        found[1]
        == {
            40: "",
            62: "loss 8.5293",
            80: "loss 8.5293, best 1, patience 2/40",
            120: "loss 8.5293, 475 targets/s, best 1, patience 2/40",
        }[columns]
    )


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_validation_has_a_bar(columns: int, clock: SimpleNamespace) -> None:
    live = cast("BarReporter", reporter(BarReporter, columns))
    live.on_validation(at(118), 0, 200_000)
    assert re.search(r"^validating ━{4,} +0/200000 -:--:--$", bar(live, columns))
    live.on_validation(at(118), 80_000, 200_000)
    assert re.search(r"^validating [━╸╺]{4,} +80000/200000 \S+$", bar(live, columns))
    live.on_epoch(record(), best=True)
    assert not live.bar.tasks
    live.on_epoch_start(at(0, epoch=3), 118)
    assert bar(live, columns).startswith("epoch 4/")


@pytest.mark.parametrize("columns", WIDTHS)
def test_lines_fold_between_words(columns: int, clock: SimpleNamespace) -> None:
    live = reporter(BarReporter, columns, "training.max_steps=300")
    live.on_step(at(20), 118, LOSSES, 475.0)
    live.on_epoch(record(), best=True)
    printed = lines(live)
    assert not too_long(printed, columns)
    begins = [line for line in printed if not line.startswith("  ")]
    assert [line.split()[0] for line in begins] == ["tiny:", "at", "epoch"]
    words = " ".join(" ".join(printed).split())
    assert (
        "at most 300 steps, of 118 an epoch; ends before that after 40 epochs without a better HR@10; Ctrl-C" in words
    )
    assert "epoch 3 (20/118): loss 8.5293, ce 5.8194, contrast 25.9140, spectral 1.1860; unmasked HR@10" in words
    assert words.endswith("475 targets/s; best so far")


def test_a_whole_epoch_is_called_by_its_number_alone(clock: SimpleNamespace) -> None:
    plain = reporter(PlainReporter, 80, terminal=False)
    plain.on_step(at(118), 118, LOSSES, 475.0)
    plain.on_epoch(record(), best=False)
    assert lines(plain)[-1].startswith("epoch 3: loss 8.5293, ")
    assert lines(plain)[-1].endswith("; 475 targets/s")


def test_how_long_a_run_may_take_is_said_once_where_it_is_long(clock: SimpleNamespace) -> None:
    plain = reporter(PlainReporter, 80, "training.epochs=10", terminal=False)
    plain.on_epoch_start(at(0, epoch=0), 118)
    clock.seconds += 16
    plain.on_step(at(4, epoch=0), 118, LOSSES, 475.0)
    clock.seconds += 100
    plain.on_validation(at(118, epoch=0), 50, 200)
    plain.on_epoch(record(1, 118), best=True)
    assert lines(plain)[2:-1] == [
        "note: an epoch takes about 8 min, its validation not counted; the run at most 1 h 18 min",
        "epoch 1 step 4/118: loss 8.5293, ce 5.8194, contrast 25.9140, spectral 1.1860, 475 targets/s",
        "validating: 25% of 200 targets",
    ]


def test_of_short_epochs_it_is_said_after_the_first(clock: SimpleNamespace) -> None:
    for limit, most in (("training.epochs=90", "6 min"), ("training.time_limit=3", "2 min"), ("training.epochs=9", "")):
        plain = reporter(PlainReporter, 80, limit, terminal=False)
        plain.on_epoch_start(at(0, epoch=0), 118)
        clock.seconds += 4
        plain.on_epoch(record(1, 118, seconds=60.0), best=True)
        note = f"note: an epoch takes about 4 s, with its validation; the run at most {most}"
        assert lines(plain)[3:] == ([note] if most else [])


def test_a_time_limit_is_named_at_the_beginning(clock: SimpleNamespace) -> None:
    plain = reporter(PlainReporter, 80, "training.time_limit=5", "training.patience=1", terminal=False)
    assert lines(plain)[1] == (
        "at most 1,000 epochs of 118 steps, or 5 min; ends before that after 1 epoch without a better HR@10; "
        "Ctrl-C saves and stops"
    )
