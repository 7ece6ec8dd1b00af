"""The state of a run: all that continuing it exactly needs, in one safetensors file."""

from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.torch import save_file
from torch import Tensor

from fearec_cli.atomic import atomic_file
from fearec_cli.errors import CheckpointError
from fearec_cli.model.encoder import Encoder
from fearec_cli.training.tensors import part, read_tensors

_RANDOM = "random.torch"
_RANDOM_CUDA = "random.cuda"
_DRAWS = "random.draws"
_LOSSES = "losses"


class Place(BaseModel):
    """Where a run stands.

    Attributes:
        epoch: the epoch under way, from 0.
        step_in_epoch: steps of it that are done.
        step: steps done in all.
        seconds: of training so far.
        best: best value of the validation metric so far; None before the first.
        best_epoch: the epoch it was reached in.
        worse: validations since then.
    """

    model_config = ConfigDict(validate_assignment=True)

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_epoch: int = 0
    worse: int = 0


@dataclass
class RunState:
    """What changes while a run goes on.

    Attributes:
        place: where the run stands.
        encoder: the model.
        optimizer: its optimiser.
        draws: generator of the semantic draws.
        losses: [1 + terms] sums over the steps of the epoch under way: the objective, then each term.
    """

    place: Place
    encoder: Encoder
    optimizer: torch.optim.Optimizer
    draws: torch.Generator
    losses: Tensor

    def save(self, path: Path, config: str, fingerprint: str) -> None:
        """Write the state, whole or not at all.

        Args:
            path: the file.
            config: TOML of the run, to refuse another one when resuming.
            fingerprint: of the data set, likewise.

        Raises:
            OutputError: it cannot be written; the state saved before still stands.
        """
        tensors = {f"model.{name}": value for name, value in self.encoder.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in values.items()}
        tensors[_RANDOM] = torch.get_rng_state()
        tensors[_DRAWS] = self.draws.get_state()
        tensors[_LOSSES] = self.losses
        if self.losses.is_cuda:
            tensors[_RANDOM_CUDA] = torch.cuda.get_rng_state(self.losses.device)
        metadata = {"place": self.place.model_dump_json(), "config": config, "fingerprint": fingerprint}
        with atomic_file(path) as temporary:
            save_file({name: value.cpu().contiguous() for name, value in tensors.items()}, temporary, metadata)

    def load(self, path: Path, config: str, fingerprint: str) -> None:
        """Read a state that `save` wrote.

        Raises:
            CheckpointError: it is missing, cut short, or of another configuration or data set.
        """
        metadata, tensors = _read(path)
        for what, saved, now in (
            ("configuration", metadata.get("config"), config),
            ("data set", metadata.get("fingerprint"), fingerprint),
        ):
            if saved != now:
                raise CheckpointError(
                    f"{path}: belongs to another {what}; resume with the run's own run.toml and data set, "
                    "or start a new run with another --out"
                )
        try:
            self.place = Place.model_validate_json(metadata.get("place", ""))
        except ValidationError as error:
            raise CheckpointError(f"{path}: the run's place cannot be read: {error}") from error
        self.encoder.load_state_dict(part(tensors, "model."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in part(tensors, "optimizer.").items():
            index, _, key = name.partition(".")
            state.setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        torch.set_rng_state(tensors[_RANDOM])
        self.draws.set_state(tensors[_DRAWS])
        self.losses.copy_(tensors[_LOSSES])
        if self.losses.is_cuda and _RANDOM_CUDA in tensors:
            torch.cuda.set_rng_state(tensors[_RANDOM_CUDA], self.losses.device)


def saved_fingerprint(path: Path) -> str:
    """Fingerprint of the data set of the run whose state this is.

    Raises:
        CheckpointError: the state is missing or cut short.
    """
    fingerprint: str = _read(path)[0].get("fingerprint", "")
    return fingerprint


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no state to resume from; start the run again with another --out")
    return read_tensors(path, what="state", remedy="start the run again with another --out")
