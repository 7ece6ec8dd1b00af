"""Weights in 8 bits: a graph a quarter as large, and what it costs."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic  # type: ignore[import-untyped]
from torch import Tensor

from fearec_cli.data.batches import InteractionTable, gather_histories
from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import ExportError
from fearec_cli.evaluation.metrics import ndcg
from fearec_cli.evaluation.ranks import ranks_in
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.serving.onnx.graph import quiet
from fearec_cli.serving.onnx.parity import SCORES, pytorch_scores, random_histories, session

_K = 10
Scorer = Callable[[npt.NDArray[np.int64]], Tensor]


@dataclass(frozen=True)
class Cost:
    """What 8 bits cost.

    Attributes:
        shared: of the 10 best items after random histories, the share that is among PyTorch's 10 best.
        targets: held-out targets that were ranked; 0 where no data set was given.
        ndcg: NDCG@10 of them in 8 bits, each ranked among all items (unmasked).
        pytorch: the same of PyTorch.
    """

    shared: float
    targets: int = 0
    ndcg: float = 0.0
    pytorch: float = 0.0


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with weights as signed 8-bit integers, whose products are taken in integers (dynamic quantisation)."""
    with tempfile.TemporaryDirectory() as directory, quiet():
        place = Path(directory)
        onnx.save(model, place / "float.onnx")
        quantize_dynamic(place / "float.onnx", place / "int8.onnx", weight_type=QuantType.QInt8)
        return onnx.load(place / "int8.onnx")


@torch.inference_mode()
def cost_of(checkpoint: Checkpoint, scores: onnx.ModelProto, prepared: Prepared | None) -> Cost:
    """Compare a quantised graph that scores every item with the model it was made from.

    Args:
        checkpoint: the model, on the CPU.
        scores: the graph.
        prepared: a data set whose test targets are ranked by both.

    Raises:
        ExportError: a score is not a number.
    """
    running = session(scores.SerializeToString())
    encoder, n_items = checkpoint.encoder, len(checkpoint.item_ids)

    def by_graph(ids: npt.NDArray[np.int64]) -> Tensor:
        found = torch.from_numpy(running.run(None, {"ids": ids})[0])
        if not bool(found[:, 1:].isfinite().all()):
            raise ExportError(f"{checkpoint.path}: in 8 bits it gives scores that are not finite; leave --quantize out")
        return found

    def by_pytorch(ids: npt.NDArray[np.int64]) -> Tensor:
        return pytorch_scores(encoder, ids, None)

    size, k = max(1, SCORES // n_items), min(_K, n_items)
    shared: list[float] = []
    histories = random_histories(encoder, n_items)
    for ids in np.split(histories, range(size, len(histories), size)):
        best = [score(ids).topk(k, dim=1).indices.tolist() for score in (by_graph, by_pytorch)]
        shared += [len(set(one) & set(other)) / k for one, other in zip(*best, strict=True)]
    mean = float(np.mean(shared))
    if prepared is None:
        return Cost(mean)
    ranks = {score: _ranks(prepared, encoder.max_length, score, size) for score in (by_graph, by_pytorch)}
    targets = len(ranks[by_graph])
    return Cost(mean, targets, *(ndcg(ranks[score], _K) for score in (by_graph, by_pytorch)))


def _ranks(prepared: Prepared, max_length: int, score: Scorer, size: int) -> npt.NDArray[np.int64]:
    """The rank of each test target among all items."""
    held_out = prepared.split.held_out("test")
    items = InteractionTable.load(prepared, torch.device("cpu")).items
    found = []
    for first in range(0, len(held_out), size):
        starts, targets = (torch.from_numpy(each[first : first + size]) for each in (held_out.starts, held_out.targets))
        ids, _ = gather_histories(items, starts, targets, max_length, "right")
        scores = score(ids.long().numpy())
        found.append(ranks_in(scores, items[targets]).numpy())
    return np.concatenate(found)
