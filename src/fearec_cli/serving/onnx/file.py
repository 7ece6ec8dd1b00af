"""The ONNX file and the item ids beside it, written whole or not at all, and only if the graph answers as the model
does."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from onnx.checker import check_model

from fearec_cli.data.prepared import Prepared
from fearec_cli.errors import ConfigError, DataError
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.serving.onnx.graph import to_graph
from fearec_cli.serving.onnx.parity import Parity, check_parity
from fearec_cli.serving.onnx.quantize import Cost, cost_of, quantized
from fearec_cli.serving.recommender import Seen
from fearec_cli.system.atomic import atomic_file, check_place

FORMAT = 1
# Bytes of item ids that also stand in the model's own metadata.
_MOST_IN_METADATA = 2**20


def items_file(out: Path) -> Path:
    """The file of item ids beside an ONNX file."""
    return out.with_suffix(".items.json")


def check_free(out: Path, *, force: bool = False) -> None:
    """Check that an export can be written, before the work for it begins.

    Raises:
        ConfigError: the ending is not .onnx, or a file is there.
        OutputError: nothing can be written there.
    """
    if out.suffix != ".onnx":
        raise ConfigError([f"--out {out}: name a file that ends in .onnx"])
    for file in (out, items_file(out)):
        if file.exists() and not force:
            raise ConfigError([f"--out: {file} already exists; choose another file, or use --force to replace it"])
        check_place(file)


def export_onnx(
    checkpoint: Checkpoint,
    out: Path,
    *,
    k: int | None = None,
    seen: Seen = "exclude",
    quantize: bool = False,
    prepared: Prepared | None = None,
) -> tuple[Parity, Cost | None]:
    """Write a model whose encoder is on the CPU as ONNX, after comparing it with PyTorch on random histories.

    Args:
        checkpoint: the model.
        out: the file; its item ids go beside it.
        k: items of each answer; the scores of all items unless given.
        seen: whether items of the history are among the k.
        quantize: write weights in 8 bits, after the graph has been compared without.
        prepared: the data set on which the cost of that is measured.

    Raises:
        DataError: k is not between 1 and the size of the catalogue.
        ExportError: a component has no ONNX form, or the graph answers otherwise than PyTorch.
        OutputError: a file cannot be written.
    """
    if k is not None and not 1 <= k <= len(checkpoint.item_ids):
        raise DataError(f"--top-k {k}: the catalogue has {len(checkpoint.item_ids):,} items")
    model = to_graph(checkpoint, k, seen)
    parity = check_parity(checkpoint, model.SerializeToString(), k, seen)
    cost = None
    if quantize:
        scores = model if k is None else to_graph(checkpoint, None, seen)
        cost = cost_of(checkpoint, quantized(scores), prepared)
        model = quantized(model)
    write_model(checkpoint, model, out, _description(checkpoint, k, seen, quantize=quantize))
    return parity, cost


def write_model(checkpoint: Checkpoint, model: onnx.ModelProto, out: Path, description: Mapping[str, Any]) -> None:
    """Write a graph with its description, and the item ids beside it.

    Raises:
        OutputError: a file cannot be written.
    """
    names = json.dumps([None, *checkpoint.item_ids], ensure_ascii=False)
    described = {"fearec": json.dumps(description)}
    if len(names.encode()) <= _MOST_IN_METADATA:
        described["fearec.items"] = names
    onnx.helper.set_model_props(model, described)
    model.producer_name = "fearec"
    check_model(model)
    with atomic_file(items_file(out)) as items, atomic_file(out) as graph:
        items.write_text(names + "\n", encoding="utf-8")
        graph.write_bytes(model.SerializeToString())


def _description(checkpoint: Checkpoint, k: int | None, seen: Seen, *, quantize: bool) -> dict[str, Any]:
    """What a service wants to know of the file; readers ignore keys that they do not know."""
    return {
        "format": FORMAT,
        "max_length": checkpoint.encoder.max_length,
        "items": len(checkpoint.item_ids),
        "top_k": k,
        "seen": seen if k is not None else None,
        "weights": "int8" if quantize else "float32",
        "dataset": checkpoint.info.dataset,
        "fingerprint": checkpoint.info.fingerprint,
    }
