"""Whether an ONNX graph answers as PyTorch does, under onnxruntime, on histories of every length."""

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
import torch
from torch import Tensor

from fearec_cli.errors import ExportError
from fearec_cli.evaluation.best import best_rows
from fearec_cli.model.encoder import Encoder
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.serving.recommender import Seen

# Of the largest score, or of 1 where that is more.
TOLERANCE = 1e-4
_EACH_LENGTH = 4
SCORES = 2**25
# Shares: how far weights are moved to see whether a model jumps there by itself, and how many histories may.
_NUDGE, _ON_EDGE = 1e-6, 0.02


@dataclass(frozen=True)
class Parity:
    """What was compared.

    Attributes:
        histories: number of them.
        difference: largest difference of a score, as a share of the largest score, or of 1 where that is more.
        on_edge: histories that were left out: PyTorch's own scores jump there when a weight moves by a millionth, as
            where two delays correlate alike.
    """

    histories: int
    difference: float
    on_edge: int


def session(model: bytes) -> onnxruntime.InferenceSession:
    """A graph, ready to run on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def random_histories(encoder: Encoder, n_items: int, *, seed: int = 0) -> npt.NDArray[np.int64]:
    """Histories of every length, items twice among them, as the graph takes them."""
    dice = np.random.default_rng(seed)
    n = encoder.max_length
    lengths = np.repeat(np.arange(1, n + 1), _EACH_LENGTH)
    ids = dice.integers(1, n_items + 1, (len(lengths), n))
    ids[::2, 1::3] = ids[::2, :1]
    return ids * (np.arange(n) < lengths[:, None])


@torch.inference_mode()
def check_parity(checkpoint: Checkpoint, model: bytes, k: int | None, seen: Seen) -> Parity:
    """Compare a graph with the model it was made from, whose encoder is on the CPU.

    Raises:
        ExportError: a score differs by more than the tolerance, or other items are the best, ties apart.
    """
    encoder, n_items = checkpoint.encoder, len(checkpoint.item_ids)
    running = session(model)
    histories = random_histories(encoder, n_items)
    # One alone, then blocks of several sizes: the batch is free.
    size = max(1, min(len(histories), SCORES // n_items))
    blocks = np.split(histories, range(1, len(histories), size))
    largest, on_edge = 0.0, 0
    for ids in blocks:
        expected = pytorch_scores(encoder, ids, None if k is None else seen)
        outputs = [torch.from_numpy(output) for output in running.run(None, {"ids": ids})]
        difference = _differences(expected, outputs, k)
        away = (difference > TOLERANCE).nonzero()[:, 0]
        edge = _on_edge(encoder, ids[away.numpy()], None if k is None else seen, expected[away])
        if not bool(edge.all()):
            worst = float(difference[away[~edge]].max())
            raise ExportError(
                f"{checkpoint.path}: its ONNX form answers otherwise than PyTorch: scores differ by {worst:.1e} of the "
                f"largest, {TOLERANCE} is allowed; nothing was written"
            )
        on_edge += len(away)
        largest = max(largest, _most(difference))
    if on_edge > _ON_EDGE * len(histories):
        raise ExportError(
            f"{checkpoint.path}: on {on_edge} of {len(histories)} histories its scores jump when a weight moves by a "
            f"millionth, so that its ONNX form cannot be checked; nothing was written"
        )
    return Parity(len(histories), largest, on_edge)


def _most(difference: Tensor) -> float:
    within = difference[difference <= TOLERANCE]
    return float(within.max()) if len(within) else 0.0


def pytorch_scores(encoder: Encoder, ids: npt.NDArray[np.int64], seen: Seen | None) -> Tensor:
    """Scores by item number, [B, I + 1], as the model itself gives them.

    Args:
        encoder: the model.
        ids: histories as the graph takes them.
        seen: whether the items of the history keep their score; None as for include.
    """
    given = torch.from_numpy(ids)
    lengths = (given > 0).sum(1)
    padded = given
    if encoder.padding == "left":
        padded = torch.stack([row.roll(-int(length)) for row, length in zip(given, lengths, strict=True)])
    scores = torch.nn.functional.pad(encoder.scores(padded, lengths).float(), (1, 0), value=-torch.inf)
    return scores.scatter(1, given, -torch.inf) if seen == "exclude" else scores


def _differences(expected: Tensor, outputs: list[Tensor], k: int | None) -> Tensor:
    """The largest difference in each history, as a share of its largest score; infinite where there is no answer."""
    finite = torch.where(expected.isfinite(), expected, 0)
    scale = finite.abs().amax(1).clamp(min=1)
    if k is None:
        return _distance(expected, outputs[0]).amax(1) / scale
    items, scores = outputs
    values, _ = best_rows(expected, k)
    difference = torch.maximum(_distance(values, scores).amax(1), _distance(expected.gather(1, items), scores).amax(1))
    twice = (items.sort(1).values.diff(dim=1) == 0).any(1)
    return (difference / scale).masked_fill(twice, torch.inf)


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """|one - other|; 0 where both are the same infinity, infinite where a number is none."""
    return torch.where(one == other, 0, (one - other).abs()).nan_to_num(nan=torch.inf)


def _on_edge(encoder: Encoder, ids: npt.NDArray[np.int64], seen: Seen | None, expected: Tensor) -> Tensor:
    """Whether PyTorch's own scores of a history jump when its weights move a little."""
    jumps = torch.zeros(len(ids), dtype=torch.bool)
    if not len(ids):
        return jumps
    generator = torch.Generator().manual_seed(0)
    for _ in range(16):
        moved = copy.deepcopy(encoder)
        table = moved.embedding.items.weight
        table.mul_(1 + _NUDGE * torch.randn(table.shape, generator=generator))
        jumps |= _differences(expected, [pytorch_scores(moved, ids, seen)], None) > TOLERANCE
    return jumps
