"""What a run leaves in its directory: its settings, the best weights, the states to resume from, its record.

Whenever a run is killed, its files are whole, and resuming gives the result of an uninterrupted run. Each file is
written whole or not at all (`fearec_cli.system.atomic`); the state is written last and the one before
it is kept; what is newer than the state resumed from is written again, the same, or removed.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from fearec_cli.config import Recipe
from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import CheckpointError, DamagedError
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.runs.checkpoint import describe, save_checkpoint
from fearec_cli.runs.directory import BEST_FILE, RECORD_FILE, RUN_FILE, STATES, state_file, state_files
from fearec_cli.runs.records import EpochRecord, append_record, drop_records_after
from fearec_cli.runs.run_toml import Facts, read_facts, write_run_file
from fearec_cli.runs.safetensors_file import read_metadata
from fearec_cli.runs.state import RunProgress, RunState
from fearec_cli.system.atomic import atomic_file, remove_temporaries
from fearec_cli.system.processes import ALONE, Processes

GENERATIONS = 2


class Saves:
    """The files of one run.

    Args:
        directory: of the run.
        recipe: what it trains.
        prepared: its data set.
        processes: of the run; the first one writes, and all of them read.
    """

    def __init__(self, directory: Path, recipe: Recipe, prepared: Prepared, processes: Processes = ALONE) -> None:
        self._directory = directory
        self._recipe = recipe
        self._config = recipe.config
        self._prepared = prepared
        self._item_ids = prepared.item_ids()
        self._processes = processes
        self._damaged: set[int] = set()
        self._saved_at = time.monotonic()

    @property
    def best(self) -> Path:
        """The file of the best weights."""
        return self._directory / BEST_FILE

    @property
    def _aside(self) -> Path:
        """Where the best weights are kept while those of a closing validation have their name."""
        return self._directory / STATES / BEST_FILE

    @property
    def due(self) -> bool:
        """Whether the last save of the state is so long ago that it is time for another."""
        minutes = self._config.training.save_minutes
        return 0 < minutes * 60 <= time.monotonic() - self._saved_at

    def write_settings(self) -> None:
        """Write run.toml; a resumed run keeps what it was begun with.

        Raises:
            OutputError: it cannot be written.
        """
        if self._processes.rank > 0:
            return
        facts = read_facts(self._directory) or Facts.of(self._recipe, self._prepared)
        write_run_file(self._directory, self._config, facts)

    def save_best(self, state: RunState, metrics: Mapping[RankProtocol, Mapping[str, float]]) -> None:
        """Save the weights as they are as the best ones.

        Raises:
            OutputError: they cannot be written; the earlier ones are unchanged.
        """
        if self._processes.rank > 0:
            return
        info = describe(
            self._recipe,
            dataset=self._prepared.name,
            fingerprint=self._prepared.fingerprint,
            split=self._prepared.split.rule,
            step=state.progress.step,
            metrics=metrics,
        )
        save_checkpoint(self.best, state.evaluated, self._item_ids, info)

    def keep_best_aside(self) -> None:
        """Copy the best weights to where `take_back` finds them.

        Raises:
            OutputError: they cannot be written.
        """
        if self._processes.rank > 0:
            return
        with atomic_file(self._aside) as temporary:
            shutil.copyfile(self.best, temporary)

    def save_state(self, state: RunState) -> None:
        """Write all that a resume needs, and remove what is older than the state before it.

        All processes call it after the same step: each has random numbers of its own.

        Raises:
            OutputError: it cannot be written; the earlier states are unchanged.
        """
        own = [] if state.own_random is None else self._processes.collect(state.own_random.state)
        if self._processes.rank == 0:
            self._write_state(state, own)
        self._saved_at = time.monotonic()

    def _write_state(self, state: RunState, own_random: Sequence[Tensor]) -> None:
        step = state.progress.step
        state.save(state_file(self._directory, step), self._config.identity(), self._prepared.fingerprint, own_random)
        files = state_files(self._directory)
        # One of a later step is damaged, or the run would have resumed from it.
        kept = [at for at in files if at <= step and at not in self._damaged][:GENERATIONS]
        for at, path in files.items():
            if at not in kept:
                path.unlink(missing_ok=True)

    def restore(self, state: RunState) -> list[str]:
        """Read the newest state in the directory that is whole.

        Returns:
            A warning for each newer one that is not.

        Raises:
            CheckpointError: there is none, all are damaged, or it belongs to another configuration or data set.
        """
        if self._processes.rank == 0:
            self._remove_leftovers()
        problems: list[str] = []
        for step, path in state_files(self._directory).items():
            try:
                state.load(path, self._config, self._prepared.fingerprint, self._processes.rank)
            except DamagedError as error:
                self._damaged.add(step)
                problems.append(str(error))
                continue
            return [f"{problem}; going on from {path}" for problem in problems]
        raise _nothing_whole(self._directory, problems)

    def take_back(self, progress: RunProgress) -> None:
        """Undo what came after the state that training resumes from: a closing validation, or the work of an
        interrupted run.

        Raises:
            OutputError: it cannot be written.
        """
        if self._processes.rank > 0:
            return
        # The record of a step in mid-epoch is that of a closing validation.
        drop_records_after(self._directory / RECORD_FILE, progress.step - (progress.step_in_epoch > 0))
        if self._aside.exists():
            self._aside.replace(self.best)

    def _remove_leftovers(self) -> None:
        """Remove what a run that was killed in the middle of a write left of it."""
        for name in (RUN_FILE, BEST_FILE, RECORD_FILE):
            remove_temporaries(self._directory, name)
        for name in (BEST_FILE, state_file(self._directory, 0).name.replace("0", "*")):
            remove_temporaries(self._directory / STATES, name)

    def record(self, record: EpochRecord) -> None:
        """Add a line to metrics.jsonl.

        Raises:
            OutputError: it cannot be written.
        """
        if self._processes.rank == 0:
            append_record(self._directory / RECORD_FILE, record)

    def last_good(self, state: RunState) -> str:
        """The end of a message about a run that broke: what is left of it."""
        if state.progress.best is not None:
            return f"the best weights before it are in {self.best}"
        step, path = next(iter(state_files(self._directory).items()), (0, None))
        return f"the last state before it is {path}" if step else "nothing was kept"


def saved_metadata(directory: Path) -> Mapping[str, str]:
    """What the newest readable state records of the run in a directory.

    Raises:
        CheckpointError: there is none.
    """
    problems: list[str] = []
    for path in state_files(directory).values():
        try:
            return read_metadata(path, what="state")
        except DamagedError as error:
            problems.append(str(error))
    raise _nothing_whole(directory, problems)


def _nothing_whole(directory: Path, problems: Sequence[str]) -> CheckpointError:
    found = problems or [f"{directory / STATES}: there is no state to resume from"]
    return CheckpointError("; ".join([*found, "start the run again with another --out"]))
