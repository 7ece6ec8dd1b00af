"""Recommendations for a table of histories by Ray Data: actors that open the checkpoint once answer it piece by piece.

A piece is the unit of work, of order and of repetition: its rows are answered in blocks that do not depend on who
answers them, so the scores are those of one process to the bit (on processors of one kind), and its file is written
whole or not at all under a name of its own, so a piece that is answered again replaces nothing but itself. Ray moves
names of pieces and numbers of users, no histories and no answers.
"""

import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fearec_cli.errors import ConfigError, DataError, FearecError, OutputError
from fearec_cli.runs.checkpoint import CheckpointInfo
from fearec_cli.serving.recommender import Recommender
from fearec_cli.serving.tables import Piece, read_piece
from fearec_cli.serving.writers import writer
from fearec_cli.system.atomic import remove_temporaries

# Ray repeats what a lost worker was doing without end; a piece that loses so many workers is the cause of it.
_TRIES = 5
# Ray makes an object of each task; a task of a very large table has several pieces.
_TASKS = 4096
# No rows go through Ray's store; this is about the least that it starts with.
_STORE = 128 * 2**20
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}


@dataclass(frozen=True)
class Job:
    """What every worker has to know.

    Attributes:
        checkpoint: path or place on the Hub, the same for every machine.
        info: what the checkpoint must say of itself there.
        device: cpu or cuda.
        question: `k`, `seen`, `only` and `without` of `Recommender.recommend`.
        place: directory of the answers, which every machine sees.
    """

    checkpoint: Path
    info: CheckpointInfo
    device: str
    question: Mapping[str, Any]
    place: Path

    def part(self, number: int) -> Path:
        """The file of a piece's answers."""
        return self.place / f"part-{number:06d}.parquet"


class Worker:
    """An actor's state: the open checkpoint."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._recommender: Recommender | None = None

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a piece. What is wrong with the input comes back as text: of an exception Ray makes a traceback."""
        number, piece = row["number"], Piece(*(row[name] for name in Piece._fields))
        try:
            self._answer(number, piece)
        except FearecError as error:
            return {"users": 0, "error": str(error)}
        return {"users": piece.rows, "error": ""}

    def _answer(self, number: int, piece: Piece) -> None:
        job = self._job
        if job.part(number).exists():  # a worker was lost after it, with a later piece of the same task
            return
        _count_try(job.part(number), piece)
        recommender = self._opened()
        with writer(job.part(number)) as write:
            for block in read_piece(piece):
                write(block, recommender.recommend([history.items for history in block], **job.question))

    def _opened(self) -> Recommender:
        if self._recommender is None:
            found = Recommender.load(self._job.checkpoint, device=self._job.device)
            if found.checkpoint.info != self._job.info:
                raise DataError(f"{self._job.checkpoint}: is another checkpoint on another machine; copy it to all")
            self._recommender = found
        return self._recommender


def _count_try(part: Path, piece: Piece) -> None:
    """Leave a byte for each try of a piece.

    Raises:
        DataError: it has lost too many workers.
        OutputError: nothing can be written there.
    """
    try:
        with part.with_suffix(".tries").open("ab") as file:
            file.write(b".")
            tries = file.tell()
    except OSError as error:
        raise OutputError(
            f"{part}: cannot be written: {error.strerror or error}; --out must lie where every machine sees it"
        ) from None
    if tries > _TRIES:
        rows = f"rows {piece.first + 1} to {piece.first + piece.rows}"
        raise DataError(f"{piece.file}: {rows} lost {_TRIES} workers; they need more memory than a worker has")


def answer_on_ray(
    job: Job,
    pieces: Sequence[Piece],
    *,
    address: str | None,
    workers: int | None,
    on_users: Callable[[int], None],
) -> None:
    """Answer every piece, a file each in the directory of the job.

    Args:
        job: what is asked.
        pieces: of the table.
        address: of a Ray cluster (HOST:PORT, or auto); one on this machine is started and ended unless given.
        workers: actors, each with a CPU, or with a GPU where the device is cuda; as many as there are unless given.
        on_users: receives the number of users answered so far.

    Raises:
        ConfigError: no cluster answers at the address.
        DataError: whatever a worker found wrong with the checkpoint or a row.
        OutputError: an answer is not where this machine looks for it.
    """
    if not pieces:
        raise DataError("the table of --users has no rows; nobody is to be answered")
    rows = [{"number": number, **piece._asdict()} for number, piece in enumerate(pieces)]
    done = 0
    with _cluster(address, workers) as ray:
        kind = "GPU" if job.device == "cuda" else "CPU"
        size = min(len(pieces), workers or max(1, int(ray.cluster_resources().get(kind, 1))))
        needs = {"num_gpus": 1} if kind == "GPU" else {"num_cpus": 1}
        answered = ray.data.from_items(rows, override_num_blocks=min(len(rows), _TASKS)).map(
            Worker,
            fn_constructor_args=(job,),
            compute=ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=2),
            **needs,
        )
        for row in answered.iter_rows():
            if row["error"]:
                raise DataError(row["error"])
            done += row["users"]
            on_users(done)
    for number in range(len(pieces)):
        job.part(number).with_suffix(".tries").unlink(missing_ok=True)
        if not job.part(number).exists():
            raise OutputError(
                f"{job.place}: a worker's answers are not here; --out must lie where every machine sees it"
            )
    remove_temporaries(job.place, "part-*")


@contextlib.contextmanager
def _cluster(address: str | None, workers: int | None) -> Iterator[Any]:
    """Ray, connected. What it prints goes to standard error."""
    if address:
        _check_reachable(address)
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    local = {"num_cpus": workers, "object_store_memory": _STORE, "include_dashboard": False}
    ending = signal.getsignal(signal.SIGTERM)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            ray.init(address or "local", log_to_driver=False, logging_level=logging.ERROR, **({} if address else local))
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _unreachable(address or "local", error) from None
        signal.signal(signal.SIGTERM, ending)  # Ray has set its own
        ray.data.DataContext.get_current().enable_progress_bars = False
        try:
            yield ray
        finally:
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray itself knocks for a quarter of an hour at a door that nobody opens.

    Raises:
        ConfigError: it is no address, or nobody listens there.
    """
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 2**16) or "/" in host:
        raise ConfigError([f"--address {address}: give HOST:PORT of a Ray cluster's head, or auto"])
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
    except OSError as error:
        raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> ConfigError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ConfigError([f"--address {address}: no Ray cluster answers there: {reason[:200]}"])
