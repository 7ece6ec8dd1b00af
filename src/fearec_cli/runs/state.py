"""The state of a run: all that continuing it exactly needs, in one safetensors file."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import save_file
from torch import Tensor

from fearec_cli.config import RunConfig, differences
from fearec_cli.devices.random_state import OwnRandom
from fearec_cli.errors import CheckpointError, DamagedError
from fearec_cli.model.average import WeightAverage
from fearec_cli.model.encoder import Encoder
from fearec_cli.runs.safetensors_file import checksum, part, read_tensors
from fearec_cli.system.atomic import atomic_file
from fearec_cli.system.text import value as printed

_RANDOM = "random.torch"
_RANDOM_CUDA = "random.cuda"
_RANDOM_OWN = "random.own."
_DRAWS = "random.draws"
_LOSSES = "losses"
_MEMORY = "memory"
_CHECKSUM = "checksum"


class Best(BaseModel):
    """The best validation.

    Attributes:
        value: of the metric.
        epoch: in which it was reached.
    """

    model_config = ConfigDict(frozen=True)

    value: float = Field(ge=0, le=1)
    epoch: int = Field(ge=1)


class RunProgress(BaseModel):
    """Progress of a run.

    Attributes:
        epoch: the epoch under way, from 0.
        step_in_epoch: steps of it that are done.
        step: steps done in all.
        seconds: of training so far.
        best: the best validation at the end of an epoch so far; None before the first.
        worse: validations since then.
        closing: the best one with the validation that a limit in mid-epoch has added. It is not in `best`, so that
            a run which is given another limit goes on as if the first had not been.
        orders: how the order of an epoch is drawn: from a hash of seed and epoch, or, in runs that began before
            that, from their sum.
    """

    model_config = ConfigDict(validate_assignment=True)

    epoch: int = Field(0, ge=0)
    step_in_epoch: int = Field(0, ge=0)
    step: int = Field(0, ge=0)
    seconds: float = Field(0.0, ge=0, allow_inf_nan=False)
    best: Best | None = None
    worse: int = Field(0, ge=0)
    closing: Best | None = None
    orders: Literal["sum", "hashed"] = "sum"


@dataclass
class RunState:
    """What changes while a run goes on.

    Attributes:
        progress: where the run stands.
        encoder: the model.
        optimizer: its optimiser.
        draws: generator of the semantic draws.
        losses: [1 + terms] sums over the steps of the epoch under way: the objective, then each term.
        average: moving average of the weights, where one is kept.
        own_random: this process's own random numbers, where there are several processes.
        scaler: of the gradients, in float16.
        memory: [I, D] the last representation of every target, where a loss term reads it.
    """

    progress: RunProgress
    encoder: Encoder
    optimizer: torch.optim.Optimizer
    draws: torch.Generator
    losses: Tensor
    average: WeightAverage | None = None
    own_random: OwnRandom | None = None
    scaler: torch.amp.GradScaler | None = None
    memory: Tensor | None = None

    @property
    def evaluated(self) -> Encoder:
        """The encoder whose weights are validated and kept as the best."""
        return self.encoder if self.average is None else self.average.encoder

    def save(self, path: Path, config: str, fingerprint: str, own_random: Sequence[Tensor] = ()) -> None:
        """Write the state, whole or not at all.

        Args:
            path: the file.
            config: TOML of the run, to refuse another one when resuming.
            fingerprint: of the data set, likewise.
            own_random: the states of every process's own random numbers.

        Raises:
            OutputError: it cannot be written; an earlier file is unchanged.
        """
        tensors = {f"model.{name}": value for name, value in self.encoder.state_dict().items()}
        if self.average is not None:
            tensors |= {f"average.{name}": value for name, value in self.average.encoder.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
        tensors[_RANDOM] = torch.get_rng_state()
        tensors |= {f"{_RANDOM_OWN}{rank}": state for rank, state in enumerate(own_random)}
        tensors[_DRAWS] = self.draws.get_state()
        tensors[_LOSSES] = self.losses
        if self.memory is not None:
            tensors[_MEMORY] = self.memory
        if self.losses.is_cuda:
            tensors[_RANDOM_CUDA] = torch.cuda.get_rng_state(self.losses.device)
        tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
        metadata = {
            "place": self.progress.model_dump_json(),
            "config": config,
            "fingerprint": fingerprint,
        }
        if self.scaler is not None:
            metadata["scaler"] = json.dumps(self.scaler.state_dict())
        with atomic_file(path) as temporary:
            save_file(tensors, temporary, {**metadata, _CHECKSUM: checksum(metadata, tensors)})

    def load(self, path: Path, config: RunConfig, fingerprint: str, rank: int = 0) -> None:
        """Read a state that `save` wrote. Nothing is changed if it does not fit.

        Where the run has more processes than before, the new ones begin with the random numbers of their seed.

        Raises:
            DamagedError: it is missing, cut short or was changed.
            CheckpointError: it is of another configuration or data set.
        """
        metadata, tensors = read_tensors(path, what="state")
        if metadata.pop(_CHECKSUM, "") != checksum(metadata, tensors):
            raise DamagedError(f"{path}: is not a complete state (its checksum is another)")
        check_same(path.parent.parent, metadata, config, fingerprint)
        try:
            progress = RunProgress.model_validate_json(metadata.get("place", ""))
        except ValidationError as error:
            reason = " ".join(str(error).split())
            raise DamagedError(f"{path}: the run's progress cannot be read: {reason}") from error
        if progress.step < max(progress.epoch, progress.step_in_epoch):
            raise DamagedError(f"{path}: the run's progress is not one that a run can reach")
        self._check_fit(path, tensors)
        try:
            self._take(tensors, metadata, rank)
        except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise DamagedError(f"{path}: does not fit the run: {reason}") from error
        self.progress = progress

    def _check_fit(self, path: Path, tensors: dict[str, Tensor]) -> None:
        """Check that a state fits this run's model: the same tensors, of the same shapes.

        Raises:
            DamagedError: something is missing, or has another shape.
        """
        shapes = {f"model.{name}": value.shape for name, value in self.encoder.state_dict().items()}
        if self.average is not None:
            shapes |= {f"average.{name}": value.shape for name, value in self.average.encoder.state_dict().items()}
        shapes |= {_LOSSES: self.losses.shape, _DRAWS: self.draws.get_state().shape}
        if self.memory is not None:
            shapes[_MEMORY] = self.memory.shape
        parameters = [value for group in self.optimizer.param_groups for value in group["params"]]
        for name, value in tensors.items():
            if name.startswith("optimizer.") and value.ndim:  # what is one number is the same for all
                index = name.split(".")[1]
                known = index.isascii() and index.isdigit() and len(index) < 9 and int(index) < len(parameters)
                shapes[name] = parameters[int(index)].shape if known else torch.Size([0])
        for name, shape in shapes.items():
            if name not in tensors or tensors[name].shape != shape:
                raise DamagedError(f"{path}: does not fit the run: {name} is missing or has another shape")

    def _take(self, tensors: dict[str, Tensor], metadata: Mapping[str, str], rank: int) -> None:
        self.encoder.load_state_dict(part(tensors, "model."))
        if self.average is not None:
            self.average.encoder.load_state_dict(part(tensors, "average."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in part(tensors, "optimizer.").items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        torch.set_rng_state(tensors[_RANDOM])
        self.draws.set_state(tensors[_DRAWS])
        self.losses.copy_(tensors[_LOSSES])
        if self.memory is not None:
            self.memory.copy_(tensors[_MEMORY])
        if self.losses.is_cuda and _RANDOM_CUDA in tensors:
            torch.cuda.set_rng_state(tensors[_RANDOM_CUDA], self.losses.device)
        if self.scaler is not None:
            self.scaler.load_state_dict(json.loads(metadata["scaler"]))
        if self.own_random is not None:
            self.own_random.state = tensors.get(f"{_RANDOM_OWN}{rank}", self.own_random.state)


def check_same(directory: Path, metadata: Mapping[str, str], config: RunConfig, fingerprint: str) -> None:
    """Check that settings and data are those that the run was begun with.

    Args:
        directory: of the run, for the message.
        metadata: of its state.
        config: the settings at hand.
        fingerprint: of the data set at hand.

    Raises:
        CheckpointError: names every setting that differs, then and now.
    """
    own = f"`{shlex.join(['fearec', 'train', '--resume', '--out', str(directory)])}` goes on with its own"
    try:
        found = differences(config.without_limits(), metadata.get("config", ""))
    except ValueError as error:
        raise CheckpointError(f"{directory}: its settings cannot be compared ({printed(str(error))}); {own}") from error
    if found:
        raise CheckpointError(f"{directory}: {'; '.join(map(str, found))}; {own}, another --out starts a run of these")
    theirs = metadata.get("fingerprint", "")
    if theirs != fingerprint:
        raise CheckpointError(
            f"{directory}: was begun on another data set (fingerprint {printed(theirs[:12])} there, {fingerprint[:12]} "
            f"here); {own}, another --out starts a run on this one"
        )
