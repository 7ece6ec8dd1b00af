"""Devices, precision and processes: the one module that knows Lightning Fabric.

Fabric is imported when an engine needs it, not with this module: a single process that computes in float32 does without
(`fearec_cli.devices.single`).
"""

import gc
import logging
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, distributed, nn

from fearec_cli.api import View
from fearec_cli.config import TrainingConfig
from fearec_cli.devices.placement import Placement, choose_placement
from fearec_cli.devices.random_state import OwnRandom
from fearec_cli.devices.single import OneDevice
from fearec_cli.errors import FearecError, QuietExit, TrainingError
from fearec_cli.model.encoder import Encoder
from fearec_cli.model.trunk import Encoded
from fearec_cli.nn.repeats import AddedScores
from fearec_cli.system.processes import ALONE, Processes
from fearec_cli.system.seeds import derived_seed

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# How long a process waits for another one that is alive and does not answer. One that has died is noticed at once
# by gloo; NCCL waits as long as this.
_TIMEOUT = timedelta(minutes=10)
_FAILED = "fearec: the first process has failed"

T = TypeVar("T")


class Engine:
    """Where and how a run computes.

    Args:
        training: names the devices, the precision and the number of processes.

    Attributes:
        device: of this process.
        processes: which of the run's processes this is.

    Raises:
        TrainingError: a device or a process is not there, or the device cannot compute in the precision.
    """

    def __init__(self, training: TrainingConfig) -> None:
        placement = choose_placement(training)
        self._scaler = torch.amp.GradScaler(placement.device.type) if placement.precision == "16-mixed" else None
        alone = placement.devices * placement.nodes == 1 and placement.precision == "32-true"
        self._fabric = OneDevice(placement.device) if alone else _start(placement, self._scaler)
        self._seed = training.seed
        self._trained = weakref.WeakSet[TrainedByEngine]()
        self._precision = placement.precision
        self.device: torch.device = self._fabric.device
        self.processes = ALONE
        if self._fabric.world_size > 1:
            host = None if self.device.type == "cpu" else distributed.new_group(backend="gloo", timeout=_TIMEOUT)
            self.processes = Processes(self._fabric.global_rank, self._fabric.world_size, host)

    @property
    def description(self) -> str:
        """Where and in what precision it computes, in words."""
        several = f"{self.processes.size} processes on " if self.processes.size > 1 else ""
        return f"{several}{self.device.type}, {self._precision}"

    @property
    def shortens_weights(self) -> bool:
        """Whether the weights themselves are in half precision, not products alone."""
        return self._precision == "bf16-true"

    @property
    def first(self) -> bool:
        """Whether this process is the one that prints and writes."""
        return self.processes.rank == 0

    def set_up(self, encoder: Encoder, optimizer: torch.optim.Optimizer) -> "TrainedByEngine":
        """Move an encoder to the device, in the run's precision, and share its gradients among the processes.

        Args:
            encoder: changed in place: its parameters stay those that the optimiser knows.
            optimizer: of its parameters.
        """
        module, wrapped = self._fabric.setup(_Tensors(encoder), optimizer)
        own = (
            OwnRandom(self.device, derived_seed(self._seed, "process", self.processes.rank))
            if self.processes.size > 1
            else None
        )
        trained = TrainedByEngine(self._fabric, module, encoder, wrapped, own, self._scaler)
        self._trained.add(trained)
        return trained

    def close(self) -> None:
        """Leave the process group, once every process has called this; nothing can be trained afterwards.
        DistributedDataParallel is released before its group: in the other order its destructor, which holds Python's
        lock, waits for gloo's threads, which may wait for that lock.
        """
        if self.processes.size == 1:
            return
        distributed.barrier()
        for trained in self._trained:
            trained.release()
        gc.collect()
        distributed.destroy_process_group()

    def first_ahead(self, act: Callable[[], T]) -> T:
        """Do something on the first process, then on the others.

        Raises:
            TrainingError: the first process failed; on the others.
        """
        if self.first:
            try:
                done = act()
            except FearecError as error:
                self.processes.broadcast(f"failed: {error}")
                raise
            self.processes.broadcast("")
            return done
        failure = self.processes.broadcast("")
        if failure:
            raise TrainingError(failure)
        return act()


class TrainedByEngine:
    """An encoder and its optimiser, as an engine trains them.

    Args:
        fabric: whose they are.
        module: the encoder behind precision and gradient averaging.
        encoder: the encoder itself.
        optimizer: the optimiser behind precision.
        own_random: the process's own random numbers, where there are several processes.
        scaler: of the gradients, in float16.
    """

    def __init__(
        self,
        fabric: "Fabric | OneDevice",
        module: nn.Module,
        encoder: Encoder,
        optimizer: Any,
        own_random: OwnRandom | None,
        scaler: torch.amp.GradScaler | None,
    ) -> None:
        self._fabric = fabric
        self._module = module
        self._encoder = encoder
        self._optimizer = optimizer
        self.own_random = own_random
        self.scaler = scaler

    def __call__(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"], requested: Collection[View] = ()) -> Encoded:
        """Encode sequences in the run's precision; what comes out is float32 in any of them.

        The terms of the objective then compute in float32: dot products of long vectors need more than the 8
        bits of bfloat16.
        """
        with nullcontext() if self.own_random is None else self.own_random.instead():
            return Encoded(*self._module(ids, lengths, requested))

    def item_table(self) -> Float[Tensor, "I D"]:
        """The items' vectors, without the padding row, in float32."""
        return self._encoder.item_table().to(torch.get_default_dtype())

    def added_scores(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> AddedScores | None:
        """What is added to the scores after each history, as `Encoder.added_scores`."""
        return self._encoder.added_scores(ids, lengths)

    def added_everywhere(self, ids: Int[Tensor, "B N"]) -> AddedScores | None:
        """The same for every real position."""
        return self._encoder.added_everywhere(ids)

    def penalty(self) -> Float[Tensor, ""]:
        """What the layers' filters ask to be small, in float32."""
        return self._encoder.penalty().to(torch.get_default_dtype())

    def backward(self, loss: Float[Tensor, ""]) -> None:
        """Gradients of the objective, averaged over the processes (`fearec_cli.system.processes.GatherRows`)."""
        self._fabric.backward(loss)

    @property
    def scales(self) -> bool:
        """Whether gradients are scaled, as float16 needs it."""
        return self.scaler is not None

    @property
    def capturable(self) -> bool:
        """Whether a step may be recorded as a CUDA graph: nothing in it asks the host or another process."""
        return self.scaler is None and self.own_random is None

    def unscale(self) -> None:
        """Divide the gradients by their scale, where they are scaled."""
        if self.scaler is not None:
            self.scaler.unscale_(self._optimizer.optimizer)

    def release(self) -> None:
        """Release the encoder; nothing can be encoded afterwards."""
        del self._module

    def step(self) -> None:
        """Let the optimiser take its step."""
        self._optimizer.step()


class _Tensors(nn.Module):
    """An encoder that gives a plain tuple: Fabric and DistributedDataParallel look for tensors in it.

    Args:
        encoder: the encoder.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, ids: Tensor, lengths: Tensor, requested: Collection[View]) -> tuple[Any, ...]:
        """The fields of `Encoded`, in order."""
        encoded = self.encoder(ids, lengths, requested)
        return encoded.representation, encoded.positions, encoded.branches, encoded.spectrum


@contextmanager
def launched(training: TrainingConfig) -> Iterator[Engine]:
    """The engine of a run, for as long as the block takes; with several processes each of them runs the block.

    Where torchrun or a scheduler has not started the others, Fabric starts them with this process's own command
    line. A failure is reported once: by the first process, or by the only one that has failed.

    Raises:
        TrainingError: the engine cannot start, or another process has ended.
    """
    engine = Engine(training)
    if engine.processes.size == 1:
        yield engine
        return
    try:
        yield engine
        engine.close()
    except FearecError as error:
        raise _reported_once(engine, error) from error
    except RuntimeError as error:  # gloo's errors have no class of their own
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error).lower():
            raise
        ended = TrainingError(
            "another process of the run has ended or does not answer; look for its message above, or whether it was "
            "killed; the run can be continued with --resume"
        )
        raise _reported_once(engine, ended) from error


def _reported_once(engine: Engine, error: FearecError) -> BaseException:
    """The error that this process reports; a silent exit where the first process reports it."""
    store = distributed.distributed_c10d._get_default_store()
    if engine.first:
        store.set(_FAILED, "")
        return error
    try:
        store.wait([_FAILED], timedelta(seconds=2))
    except distributed.DistStoreError:
        return TrainingError(f"process {engine.processes.rank}: {error}")
    except distributed.DistError:  # the first process, which keeps the store, is gone
        return QuietExit(2)
    return QuietExit(2)


def _start(placement: Placement, scaler: torch.amp.GradScaler | None) -> "Fabric":
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.precision.amp import MixedPrecision
    from lightning_fabric.strategies.ddp import DDPStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    several = placement.devices * placement.nodes > 1
    # The same parameters take part in every step; some may take part in none.
    strategy = DDPStrategy(timeout=_TIMEOUT, static_graph=True, gradient_as_bucket_view=True)
    try:
        fabric = Fabric(
            accelerator=placement.device.type,
            devices=[placement.device.index] if placement.device.index is not None else placement.devices,
            num_nodes=placement.nodes,
            precision=placement.precision if scaler is None else None,
            plugins=None if scaler is None else [MixedPrecision("16-mixed", placement.device.type, scaler)],
            strategy=strategy if several else "auto",
        )
        fabric.launch()
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"the run's processes could not be started: {' '.join(str(error).split())}") from error
    return fabric
