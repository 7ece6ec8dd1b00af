"""Several real processes that share a run, as torchrun would start them on one machine."""

import contextlib
import faulthandler
import multiprocessing
import os
import random
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from fearec_cli.cli.show.progress import PlainReporter
from fearec_cli.errors import TrainingError
from fearec_cli.system.processes import Processes
from fearec_cli.training.reporting import Reporter
from support.commands import Result, fearec

_SECONDS = 60.0
# A server that has torch imported forks every process: starting one takes no time.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["fearec_cli.cli.show.progress", "lightning_fabric", "polars"])


def together(function: Callable[..., Any], *arguments: Any, size: int = 2) -> list[Any]:
    """What a function of a module that can be imported gives on each of `size` processes, in the order of ranks."""
    port = _free_port()
    pipes, processes = [], []
    for rank in range(size):
        receiving, sending = _CONTEXT.Pipe(duplex=False)
        process = _CONTEXT.Process(target=_work, args=(sending, rank, size, port, os.getcwd(), function, arguments))
        process.start()
        sending.close()
        pipes.append(receiving)
        processes.append(process)
    try:
        return [_received(pipe, rank) for rank, pipe in enumerate(pipes)]
    finally:
        for process in processes:
            process.join(_SECONDS)
            process.kill()


def command(*arguments: str | Path, size: int = 2) -> list[Result]:
    """What the command line gives on each process."""
    return together(fearec, *arguments, size=size)


def signalled(rank: int, step: int, *arguments: str | Path) -> Result:
    """The command line on one of several processes; the one of that rank gets SIGTERM after a step."""
    if os.environ["RANK"] == str(rank):
        _after(step, lambda: os.kill(os.getpid(), signal.SIGTERM))
    return fearec(*arguments)


def failing(ranks: Sequence[int], *arguments: str | Path) -> Result:
    """The command line on one of several processes; those of these ranks fail after step 2."""
    if int(os.environ["RANK"]) in ranks:
        _after(2, _fail)
    return fearec(*arguments)


def killed(rank: int, *arguments: str | Path) -> Result:
    """The command line on one of several processes; the one of that rank vanishes after step 2."""
    if os.environ["RANK"] == str(rank):
        _after(2, lambda: os._exit(9))
    return fearec(*arguments)


def _after(step: int, act: Callable[[], Any]) -> None:
    def on_step(self: PlainReporter, place: Any, *_arguments: Any) -> None:
        if place.step == step:
            act()

    PlainReporter.on_step = Reporter.on_step = on_step  # type: ignore[method-assign]


def _fail() -> None:
    raise TrainingError("made to fail")


@contextlib.contextmanager
def connected() -> Iterator[Processes]:
    """The processes of `together`, connected by gloo."""
    distributed.init_process_group("gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _work(pipe: Any, rank: int, size: int, port: int, place: str, function: Any, arguments: Sequence[Any]) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(size),
        LOCAL_WORLD_SIZE=str(size),
        GROUP_RANK="0",
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        TORCHELASTIC_RUN_ID="test",
    )
    os.chdir(place)
    torch.set_num_threads(1)
    faulthandler.dump_traceback_later(_SECONDS * 0.8, exit=True)  # of a process that hangs: where it does
    pipe.send(function(*arguments))
    faulthandler.cancel_dump_traceback_later()


def _received(pipe: Any, rank: int) -> Any:
    """What a process has sent; None where it has died."""
    if not pipe.poll(_SECONDS):
        raise TimeoutError(f"process {rank} gave nothing in {_SECONDS} seconds")
    try:
        return pipe.recv()
    except EOFError:
        return None


def _free_port() -> int:
    """A port that nobody listens at, below those that the system gives to whoever asks for any."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
