"""One user: the history in time, the delays found, what each branch attends to, and what it would recommend alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from fearec_cli.data.batches import gather_histories
from fearec_cli.evaluation.best import best_rows
from fearec_cli.insight.delays import chosen_delays
from fearec_cli.model.branches import layers_of, only
from fearec_cli.model.encoder import Encoder

RECOMMENDED = 10


@dataclass(frozen=True)
class Delay:
    """A delay that a layer chose for the user's last item.

    Attributes:
        layer: from 0.
        position: of the history, from 0, that was read.
        back: items before the last.
        weight: of the delay.
    """

    layer: int
    position: int
    back: int
    weight: float


@dataclass(frozen=True)
class UserView:
    """What the model makes of one history.

    Attributes:
        items: names of the items that the model reads, oldest first.
        timestamps: of each, microseconds; None where the data has none.
        delays: found in the history.
        attention: of each branch in the last layer, how much each position counts; they sum to 1.
        recommended: the best unseen items, by the whole model ("all") and by each branch alone.
    """

    items: list[str]
    timestamps: npt.NDArray[np.int64] | None
    delays: list[Delay]
    attention: dict[str, npt.NDArray[np.float64]]
    recommended: dict[str, list[str]]

    def read_by(self, layer: int) -> npt.NDArray[np.float64]:
        """How much the delays of a layer weigh at each position, 0 where they read nothing."""
        weight = np.zeros(len(self.items))
        for delay in self.delays:
            if delay.layer == layer:
                weight[delay.position] += delay.weight
        return weight


def view(
    encoder: Encoder,
    history: Sequence[int],
    names: Sequence[str],
    branches: Sequence[str],
    timestamps: npt.NDArray[np.int64] | None = None,
) -> UserView:
    """Look at one history.

    Args:
        encoder: in evaluation mode.
        history: item ids from 1, oldest first.
        names: raw id of each row of the item table.
        branches: names, in the order of `--attention`.
        timestamps: of the history, microseconds.
    """
    device = encoder.item_table().device
    items = torch.tensor(history, device=device)
    end = torch.tensor([len(history)], device=device)
    ids, lengths = gather_histories(items, torch.zeros_like(end), end, encoder.max_length, encoder.padding)
    read = int(lengths[0])
    recommended = {"all": _best(encoder, ids, lengths, history, names)}
    if len(branches) > 1:
        for index, branch in enumerate(branches):
            with only(encoder, index):
                recommended[branch] = _best(encoder, ids, lengths, history, names)
    delays = [
        Delay(chosen.layer, int(position), int(back), float(weight))
        for chosen in chosen_delays(encoder, ids, lengths)
        for position, back, weight in zip(chosen.position, chosen.back, chosen.weight, strict=True)
    ]
    return UserView(
        [names[item - 1] for item in history[-read:]],
        None if timestamps is None else timestamps[-read:],
        sorted(delays, key=lambda delay: -delay.weight),
        _attention(encoder, ids, lengths, branches),
        recommended,
    )


@torch.no_grad()
def _best(encoder: Encoder, ids: Tensor, lengths: Tensor, seen: Sequence[int], names: Sequence[str]) -> list[str]:
    unseen = len(names) - len(set(seen))
    if unseen == 0:
        return []
    scores = encoder.scores(ids, lengths)
    scores[:, torch.tensor(seen, device=scores.device) - 1] = -torch.inf
    _, rows = best_rows(scores, min(RECOMMENDED, unseen))
    return [names[row] for row in rows[0].tolist()]


def _attention(
    encoder: Encoder, ids: Tensor, lengths: Tensor, branches: Sequence[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """How much each position counts in each branch of the last layer: the norm of the gradient of the context's own
    direction by the layer's input there. The branch need only be differentiable."""
    layer = layers_of(encoder)[-1]
    given: list[Tensor] = []
    contexts: dict[int, Tensor] = {}

    def keep(module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        given.append(arguments[0].detach().requires_grad_())
        return (given[0], *arguments[1:])

    handles = [layer.register_forward_pre_hook(keep)]
    for index, module in enumerate(layer.branches):
        handles.append(
            module.register_forward_hook(lambda _, __, context, index=index: contexts.__setitem__(index, context))
        )
    try:
        with torch.enable_grad():
            encoder(ids, lengths)
    finally:
        for handle in handles:
            handle.remove()
    found: dict[str, npt.NDArray[np.float64]] = {}
    for index, branch in enumerate(branches):
        context = contexts[index][0, -1]
        direction = context.detach() / context.detach().norm().clamp(min=1e-12)
        (gradient,) = torch.autograd.grad((context * direction).sum(), given[0], retain_graph=True)
        strength = gradient[0].norm(dim=-1)[ids[0] > 0].double()
        found[branch] = (strength / strength.sum().clamp(min=1e-20)).cpu().numpy()
    return found
