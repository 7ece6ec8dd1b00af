"""Records of a run, sent to TensorBoard or Weights & Biases through Fabric's loggers, beside metrics.jsonl."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fearec_cli.config import RunConfig, TrackerName
from fearec_cli.errors import ConfigError, OutputError
from fearec_cli.runs.records import EpochRecord

if TYPE_CHECKING:
    from lightning_fabric.loggers.logger import Logger

Track = Callable[[EpochRecord], None]
_PROJECT = "fearec"


def check_tracker(name: TrackerName) -> None:
    """Check that what a tracker needs is installed.

    Raises:
        ConfigError: it is not.
    """
    if name != "none" and find_spec(name) is None:
        raise ConfigError([f"training.track = {name}: needs a package that is not here: pip install 'fearec[track]'"])


@contextmanager
def tracked(name: TrackerName, directory: Path, config: RunConfig) -> Iterator[Track]:
    """What sends a record, for as long as a run goes on.

    Args:
        name: where to.
        directory: of the run, in which the tracker's own files lie.
        config: of the run.

    Raises:
        OutputError: the tracker cannot start.
    """
    try:
        logger = _tensorboard(directory) if name == "tensorboard" else _wandb(directory, config)
    except Exception as error:  # each tracker has errors of its own, the network's among them
        raise OutputError(f"training.track = {name}: cannot start: {' '.join(str(error).split())}") from error
    status = "failed"
    try:
        yield lambda record: logger.log_metrics(flat(record), record.step)
        status = "success"
    finally:
        logger.finalize(status)


def flat(record: EpochRecord) -> dict[str, float]:
    """The numbers of a record by name, as in `valid/unmasked/NDCG@10` and `terms/ce`."""
    numbers = {name: float(getattr(record, name)) for name in ("epoch", "seconds", "prefixes_per_second", "loss")}
    numbers |= {f"terms/{name}": value for name, value in record.terms.items()}
    for protocol, metrics in record.valid.items():
        numbers |= {f"valid/{protocol}/{name}": value for name, value in metrics.items()}
    return numbers


def _tensorboard(directory: Path) -> "Logger":
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    return TensorBoardLogger(directory, name="tensorboard", version="")


def _wandb(directory: Path, config: RunConfig) -> "Logger":
    """Fabric itself has no logger for Weights & Biases: this is one, on its interface."""
    import wandb
    from lightning_fabric.loggers.logger import Logger

    directory.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        project=_PROJECT,
        name=directory.name,
        dir=directory,
        config=config.model_dump(mode="json"),
        settings=wandb.Settings(silent=True),
    )

    class WandbLogger(Logger):
        """Sends to one W&B run."""

        name = property(lambda self: _PROJECT)
        version = property(lambda self: run.id)

        def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
            run.log(dict(metrics), step=step)

        def log_hyperparams(self, params: Any, *arguments: Any, **options: Any) -> None:
            run.config.update(params)  # type: ignore[no-untyped-call]

        def finalize(self, status: str) -> None:
            run.finish(exit_code=int(status != "success"))

    return WandbLogger()
