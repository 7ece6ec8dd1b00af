"""What a run leaves in its directory: its settings, the best weights, the state to resume from, its record."""

from collections.abc import Mapping
from pathlib import Path

from fearec_cli.atomic import atomic_file
from fearec_cli.config import RunConfig
from fearec_cli.data.prepared import Prepared
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.registry import Registry
from fearec_cli.training.checkpoint import describe, save_checkpoint
from fearec_cli.training.directory import BEST_FILE, RECORD_FILE, RUN_FILE, STATE_FILE
from fearec_cli.training.state import RunState
from fearec_cli.training.tracking import EpochRecord, append_record, drop_records_after


class Saves:
    """The files of one run.

    Args:
        directory: of the run.
        config: its configuration.
        registry: where its components are found.
        prepared: its data set.
    """

    def __init__(self, directory: Path, config: RunConfig, registry: Registry, prepared: Prepared) -> None:
        self._directory = directory
        self._config = config
        self._registry = registry
        self._prepared = prepared
        self._item_ids = prepared.item_ids()

    @property
    def best(self) -> Path:
        """The file of the best weights."""
        return self._directory / BEST_FILE

    def write_settings(self) -> None:
        """Write run.toml.

        Raises:
            OutputError: it cannot be written.
        """
        with atomic_file(self._directory / RUN_FILE) as temporary:
            temporary.write_text(self._config.to_toml(), encoding="utf-8")

    def save_best(self, state: RunState, metrics: Mapping[RankProtocol, Mapping[str, float]]) -> None:
        """Put the weights as they are in the place of the best ones.

        Raises:
            OutputError: they cannot be written; the ones before still stand.
        """
        info = describe(
            self._config,
            self._registry,
            dataset=self._prepared.name,
            fingerprint=self._prepared.fingerprint,
            split=self._prepared.split.rule,
            step=state.place.step,
            metrics=metrics,
        )
        save_checkpoint(self.best, state.encoder, self._item_ids, info)

    def save_state(self, state: RunState) -> None:
        """Write all that a resume needs.

        Raises:
            OutputError: it cannot be written; the state before still stands.
        """
        state.save(self._directory / STATE_FILE, self._config.identity(), self._prepared.fingerprint)

    def restore(self, state: RunState) -> None:
        """Read the state that stands in the directory, and take back the records that came after it.

        Raises:
            CheckpointError: there is none, or it belongs to another configuration or data set.
        """
        state.load(self._directory / STATE_FILE, self._config.identity(), self._prepared.fingerprint)
        drop_records_after(self._directory / RECORD_FILE, state.place.step)

    def record(self, record: EpochRecord) -> None:
        """Add a line to metrics.jsonl.

        Raises:
            OutputError: it cannot be written.
        """
        append_record(self._directory / RECORD_FILE, record)

    def last_good(self, state: RunState) -> str:
        """The end of a message about a run that broke: what is left of it."""
        if state.place.best is None:
            return "nothing was kept"
        return f"the best weights before it are in {self.best}"
