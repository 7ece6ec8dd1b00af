"""What `fearec train` says of a run, in words: what it is, how long it may take, its epochs, how it ended."""

import shlex
from collections.abc import Sequence

from fearec_cli.config import RunConfig
from fearec_cli.runs.records import EpochRecord
from fearec_cli.training.reporting import Beginning, Outcome


def head(beginning: Beginning) -> list[str]:
    """What is about to be trained, and when it ends at the latest."""
    prepared, config, training = beginning.prepared, beginning.config, beginning.config.training
    what = (
        f"{prepared.name}: {prepared.n_users:,} users, {prepared.n_items:,} items; "
        f"{config.attention} on filter {config.filter}, fusion {config.fusion}, loss {config.loss}; "
        f"{beginning.parameters:,} parameters; {beginning.device}"
    )
    most = f"at most {training.epochs:,} epoch{'s' if training.epochs > 1 else ''} of {beginning.steps:,} steps"
    if most_steps(config, beginning.steps) < training.epochs * beginning.steps:
        most = f"at most {most_steps(config, beginning.steps):,} steps, of {beginning.steps:,} an epoch"
    if training.time_limit:
        most += f", or {duration(60 * training.time_limit)}"
    stale = f"{training.patience} epoch{'s' if training.patience > 1 else ''} without a better {training.metric}"
    return [what, f"{most}; ends before that after {stale}; Ctrl-C saves and stops"]


def most_steps(config: RunConfig, steps: int) -> int:
    """Steps after which a run ends at the latest.

    Args:
        config: of the run.
        steps: of an epoch.
    """
    training = config.training
    limits = (training.epochs * steps, training.max_steps, training.schedule_steps)
    return min(limit for limit in limits if limit)


def duration(seconds: float) -> str:
    """A time in words, to two units.

    >>> duration(84.4), duration(600), duration(3660), duration(90_000)
    ('84 s', '10 min', '1 h 1 min', '25 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest and hours < 10 else f"{round(minutes / 60)} h"


def losses(terms: Sequence[str], values: Sequence[float]) -> str:
    """The objective, and each term where there are several."""
    loss, *rest = (f"{value:.4f}" for value in values)
    parts = [f"{name} {value}" for name, value in zip(terms, rest, strict=False)] if len(terms) > 1 else []
    return ", ".join([f"loss {loss}", *parts])


def epoch_line(record: EpochRecord, terms: Sequence[str], *, part: str, best: bool) -> str:
    """An epoch's losses and validation.

    Args:
        record: of the epoch.
        terms: names of the loss terms.
        part: how much of the epoch was trained, as "20/118"; empty for the whole.
        best: whether no validation before was better.
    """
    valid = "; ".join(
        f"{protocol} HR@10 {metrics['HR@10']:.4f} NDCG@10 {metrics['NDCG@10']:.4f}"
        for protocol, metrics in record.valid.items()
    )
    name = f"epoch {record.epoch} ({part})" if part else f"epoch {record.epoch}"
    line = f"{name}: {losses(terms, [record.loss, *record.terms.values()])}; {valid}"
    return f"{line}; {record.prefixes_per_second:,.0f} targets/s{'; best so far' if best else ''}"


def ending(outcome: Outcome, config: RunConfig, memory: str) -> tuple[str, str]:
    """How a run ended, and where its weights are.

    Args:
        outcome: of the run.
        config: of the run.
        memory: the largest that it took, in words.
    """
    steps = f"after {outcome.progress.step:,} steps"
    end = f"interrupted {steps}" if outcome.reason == "interrupted" else f"stopped by {outcome.reason} {steps}"
    if outcome.prefixes_per_second:
        end += f"; {outcome.prefixes_per_second:,.0f} targets/s, peak memory {memory}"
    else:
        end += "; nothing was left to do"
    if outcome.best is None:
        return end, f"weights, not validated: {outcome.checkpoint}"
    training, best = config.training, outcome.best
    return end, (
        f"best: {training.metric} {best.value:.4f} ({training.protocol}, valid), epoch {best.epoch}: "
        f"{outcome.checkpoint}"
    )


def next_commands(outcome: Outcome, dataset: str | None) -> list[str]:
    """What to type next: an evaluation of weights that were validated, and what continues a run that was cut."""
    lines = []
    if outcome.best is not None:
        lines.append(f"next: {shlex.join(['fearec', 'evaluate', str(outcome.checkpoint)])}")
    if outcome.reason == "interrupted":
        directory = str(outcome.checkpoint.parent)
        again = ["fearec", "train", *([dataset] if dataset else []), "--resume", "--out", directory]
        lines.append(f"continue: {shlex.join(again)}")
    return lines
