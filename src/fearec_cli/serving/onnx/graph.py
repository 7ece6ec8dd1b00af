"""A model as an ONNX graph: item numbers in, scores or the best items out.

Items are numbered by their place in the vocabulary, from 1; number 0 is padding. A history is its numbers, oldest
first, and zeros after them up to N, whichever side the model itself pads.
"""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import onnx
import torch
from jaxtyping import Int
from torch import Tensor, nn

from fearec_cli import kernels
from fearec_cli.config import Recipe
from fearec_cli.config.recipe import Ingredient
from fearec_cli.errors import ExportError
from fearec_cli.model.branches import layers_of
from fearec_cli.model.encoder import Encoder
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.serving.recommender import Seen

# The lowest for which torch writes these operators; onnxruntime reads it from version 1.14 on.
OPSET = 18
# What one file of protocol buffers can hold, less what is not weights.
_LARGEST = 2**31 - 2**24
_PLACE = re.compile(r"layers\.(?:slice\(.*\)\.)?\d+\.(filter|fusion|branches\.(\d+))")
_NODE = re.compile(r"translating node %(\w+)")


class Answers(nn.Module):
    """What the graph computes.

    Args:
        encoder: the model.
        k: items of each answer; None for the score of every item.
        seen: whether the items of the history are among them.
    """

    def __init__(self, encoder: Encoder, k: int | None, seen: Seen) -> None:
        super().__init__()
        self.encoder = encoder
        self.k = k
        self.seen = seen

    def forward(self, ids: Int[Tensor, "B N"]) -> Any:
        """Scores by number [B, I + 1], -inf at 0; or the numbers [B, K] and scores [B, K] of the best."""
        lengths = (ids > 0).sum(1).clamp(min=1)
        scores = self.encoder.scores(self._padded(ids, lengths), lengths)
        scores = nn.functional.pad(scores, (1, 0), value=-torch.inf)
        if self.k is None:
            return scores
        if self.seen == "exclude":  # padding adds it to number 0, which has it already
            scores = scores.scatter_add(1, ids, torch.full_like(ids, -torch.inf, dtype=scores.dtype))
        best = scores.topk(self.k, dim=1)
        return best.indices, best.values

    def _padded(self, ids: Int[Tensor, "B N"], lengths: Int[Tensor, "B"]) -> Int[Tensor, "B N"]:
        """The histories as the model pads them."""
        if self.encoder.padding == "right":
            return ids
        n = ids.shape[1]
        return ids.gather(1, (torch.arange(n) + lengths[:, None]) % n)


def to_graph(checkpoint: Checkpoint, k: int | None, seen: Seen) -> onnx.ModelProto:
    """The graph of a model on the CPU: input `ids` [batch, N]; outputs `scores`, or `items` and `scores`.

    Raises:
        ExportError: a component has no ONNX form, or the model is larger than an ONNX file.
    """
    recipe = checkpoint.recipe
    for ingredient in (recipe.filter, *recipe.attentions, recipe.fusion):
        if not ingredient.entry.component.onnx:
            raise ExportError(f"{checkpoint.path}: the {ingredient.entry.label} has no ONNX form, as it declares")
    size = sum(value.numel() * value.element_size() for value in checkpoint.encoder.state_dict().values())
    if size > _LARGEST:
        raise ExportError(f"{checkpoint.path}: has {size / 2**30:.1f} GiB of weights, and an ONNX file holds 2 GiB")
    answers = Answers(checkpoint.encoder, k, seen).eval()
    example = torch.zeros(2, checkpoint.encoder.max_length, dtype=torch.int64)
    example[:, 0] = 1
    with kernels.using("plain"), torch.no_grad(), quiet():
        try:
            program = torch.export.export(answers, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        except Exception as error:
            raise _refusal(checkpoint, _running(recipe, answers.encoder, error.__traceback__), error) from error
        for node in program.graph.nodes:
            value = node.meta.get("val")
            if isinstance(value, Tensor) and value.is_complex():
                raise _refusal(checkpoint, _owner(recipe, node), "it computes with complex numbers")
        try:
            exported = torch.onnx.export(
                program,
                (),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=["ids"],
                output_names=["scores"] if k is None else ["items", "scores"],
            )
        except Exception as error:
            named, reason = _NODE.search(str(error.__cause__)), getattr(error.__cause__, "__cause__", None)
            # The exporter has taken operations apart: special_bessel_j0 is bessel_j0 there.
            owners = [_owner(recipe, node) for node in program.graph.nodes if named and named[1] in node.name]
            raise _refusal(checkpoint, owners[0] if owners else None, reason or error) from error
    assert exported is not None
    model: onnx.ModelProto = exported.model_proto
    _forget_sources(model)
    return model


def _refusal(checkpoint: Checkpoint, owner: Ingredient | None, reason: object) -> ExportError:
    named = "the model" if owner is None else f"the {owner.entry.label}"
    why = " ".join(str(reason).split())[:300]
    return ExportError(f"{checkpoint.path}: {named} has no ONNX form: {why}")


def _owner(recipe: Recipe, node: Any) -> Ingredient | None:
    """The component whose module computes a node."""
    for path, _ in reversed(list((node.meta.get("nn_module_stack") or {}).values())):
        if match := _PLACE.search(path):
            if match[1] in ("filter", "fusion"):
                return recipe.filter if match[1] == "filter" else recipe.fusion
            return recipe.attentions[int(match[2])]
    return None


def _running(recipe: Recipe, encoder: Encoder, trace: TracebackType | None) -> Ingredient | None:
    """The component that was running when an error was raised."""
    parts: dict[int, Ingredient] = {}
    for layer in layers_of(encoder):
        parts |= {id(layer.filter): recipe.filter, id(layer.fusion): recipe.fusion}
        parts |= {id(branch): own for branch, own in zip(layer.branches, recipe.attentions, strict=True)}
    found = None
    while trace is not None:
        found = parts.get(id(trace.tb_frame.f_locals.get("self")), found)
        trace = trace.tb_next
    return found


def _forget_sources(model: onnx.ModelProto) -> None:
    """Remove where each node comes from: paths of this machine, and twice the size."""
    model.graph.doc_string = ""
    del model.graph.metadata_props[:]
    for entry in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        entry.doc_string = ""
        del entry.metadata_props[:]
    for initializer in model.graph.initializer:
        initializer.doc_string = ""
        del initializer.metadata_props[:]


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the notes of the exporter and of the quantiser to themselves."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
