"""What the processes of the tests of sharing do; here, because a process has to import it."""

import contextlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, distributed

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe, RunConfig
from fearec_cli.data.batches import InteractionTable
from fearec_cli.devices.engine import launched
from fearec_cli.errors import EvaluationError
from fearec_cli.evaluation.evaluate import evaluate
from fearec_cli.model.encoder import Encoder
from fearec_cli.nn.positions import Padding
from fearec_cli.system.processes import ALONE, Processes
from fearec_cli.training.objective import Objective
from support import tiny
from support.processes import connected

# Several users have the same items, so that there are other histories with the same next item.
DATA = [[user, user + 6, 1, 2, 3, 4, 5] for user in range(1, 7)]


def smooth(config: RunConfig) -> Encoder:
    """An encoder at a point where no term has a kink. The last LayerNorm, where its weights are all alike, makes the
    sum over dimensions the same for every sequence, and the absolute value in `spectral` is not smooth at 0."""
    encoder = tiny.encoder(config).train()
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if name.endswith("norm.weight"):
                parameter.uniform_(0.5, 1.5)
    return encoder


def gradients(config: RunConfig, chosen: Sequence[int], processes: Processes) -> list[np.ndarray]:
    """The terms' values, and the gradient of every parameter that has one, averaged over the processes."""
    encoder = smooth(config)
    prefixes = tiny.training_prefixes(DATA, config.model.max_length, config.model.padding)
    objective = Objective(Recipe.of(config, load_components()), processes)
    torch.manual_seed(0)  # of the terms' own draws
    total, values = objective(encoder, prefixes, torch.tensor(chosen), torch.Generator().manual_seed(0))
    total.backward()
    found = [parameter.grad for parameter in encoder.parameters() if parameter.grad is not None]
    if processes.size > 1:
        for gradient in found:
            distributed.all_reduce(gradient)
            gradient /= processes.size
    return [tensor.numpy() for tensor in (values, *found)]


def gradients_of(cases: Sequence[tuple[RunConfig, Sequence[int]]]) -> list[list[np.ndarray]]:
    """`gradients` of each case, on one of several processes."""
    with connected() as processes:
        return [gradients(*case, processes) for case in cases]


def exchanges() -> dict[str, object]:
    """What one process gets out of each way to exchange something."""
    with connected() as processes:
        rank = processes.rank
        return {
            "largest": processes.largest([rank, -rank, 7]),
            "collect": [part.tolist() for part in processes.collect(torch.tensor([rank, 10]))],
            "gather": [
                processes.gather(torch.arange(100)[processes.own(rows)], rows).tolist() for rows in (0, 1, 2, 5, 8)
            ],
        }


def trained(config: RunConfig) -> dict[str, np.ndarray]:
    """Weights after some steps, on one of several processes or alone.

    The steps follow the gradient itself: Adam's are as long where a gradient
    is 0 but for rounding, as that of a key's bias is.
    """
    with launched(config.training) as engine:
        encoder = smooth(config)
        optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05)
        on_engine = engine.set_up(encoder, optimizer)
        prefixes = tiny.training_prefixes(DATA, config.model.max_length, config.model.padding)
        objective = Objective(Recipe.of(config, load_components()), engine.processes)
        draws = torch.Generator().manual_seed(0)
        for chosen in ([0, 5, 9, 14, 2], [3, 8, 11, 1], [7, 4, 6], [10]):
            optimizer.zero_grad()
            on_engine.backward(objective(on_engine, prefixes, torch.tensor(chosen), draws)[0])
            on_engine.step()
        return {name: value.numpy() for name, value in encoder.state_dict().items()}


class Broken:
    """A scorer that has no number for the histories that end with one item."""

    max_length = 1
    padding: Padding = "right"
    item = 0

    def __init__(self, n_items: int) -> None:
        self._n_items = n_items

    def represent(self, ids: Tensor, lengths: Tensor) -> Tensor:
        ones = torch.ones(len(ids), 1)
        return ones.masked_fill(ids[:, -1:] == self.item, torch.nan)

    def item_table(self) -> Tensor:
        return torch.ones(self._n_items, 1)

    def added_scores(self, ids: Tensor, lengths: Tensor) -> None:
        """Nothing."""


def evaluation(processes: Processes) -> list[np.ndarray]:
    """Ranks under both protocols, of a model."""
    data = tiny.prepared(DATA)
    table = InteractionTable.load(data, torch.device("cpu"))
    encoder: Encoder = tiny.encoder(tiny.config(), table.n_items)
    found = evaluate(encoder, table, data.split.test, batch_size=2, processes=processes)
    return [found.ranks["unmasked"], found.ranks["seen-masked"]]


def evaluations() -> tuple[list[np.ndarray], str]:
    """`evaluation` on one of several processes; how it ends where one of them meets NaN."""
    with connected() as processes:
        ranks = evaluation(processes)
        data = tiny.prepared([[6, 6, 6, 1], [5, 5, 5, 2], [4, 4, 4, 3]])
        table = InteractionTable.load(data, torch.device("cpu"))
        scorer = Broken(table.n_items)
        scorer.item = 4  # of the last user, whom the last process ranks
        message = ""
        with contextlib.suppress(EvaluationError):
            evaluate(scorer, table, data.split.test, processes=processes)
            message = "no error"
        return ranks, message


def alone() -> list[np.ndarray]:
    """`evaluation` without others."""
    return evaluation(ALONE)
