"""The checkpoint: one safetensors file that is enough by itself.

It holds the weights, the raw item ids (so that new histories can be scored without the data set), and in
its metadata the resolved configuration, the packages its components came from, the fingerprint of its data
set and its validation metrics. Nothing is pickled.
"""

import itertools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from safetensors.torch import save_file
from torch import Tensor

from fearec_cli.components.registry import Registry, load_components
from fearec_cli.config import Recipe, read_recipe
from fearec_cli.data.split_rules import LeaveOneOut, SplitRule
from fearec_cli.errors import CheckpointError, ConfigError
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.model.build import build_encoder
from fearec_cli.model.encoder import Encoder
from fearec_cli.runs.directory import BEST_FILE
from fearec_cli.runs.hub import located
from fearec_cli.runs.safetensors_file import checksum, part, read_metadata, read_tensors
from fearec_cli.system.atomic import atomic_file
from fearec_cli.system.parsing import parse_json

FORMAT = 1
_REMEDY = "copy it again from where it came, or train it again"
_WEIGHTS = "model."
_CHECKSUM = "checksum"
_VOCABULARY_BYTES = "vocabulary.bytes"
_VOCABULARY_OFFSETS = "vocabulary.offsets"
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!_-]{0,98}")


class Origin(BaseModel):
    """The package that a component came from when the checkpoint was made."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    package: str
    version: str


class CheckpointInfo(BaseModel):
    """What a checkpoint records of itself.

    Attributes:
        format: of the file.
        config: TOML of the run.
        components: where its components came from.
        dataset: name of the data set it was trained on.
        fingerprint: of that data set.
        split: what held out its targets.
        step: optimiser steps taken.
        metrics: of validation, by protocol; empty where the run was stopped before one.
    """

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    config: str
    components: tuple[Origin, ...]
    dataset: str
    fingerprint: str
    split: SplitRule = LeaveOneOut()  # the only rule when checkpoints did not record it
    step: int
    metrics: Mapping[RankProtocol, Mapping[str, float]]


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory.

    Attributes:
        path: the file.
        info: what it records of itself.
        recipe: its configuration, with the components that are installed here.
        encoder: the model, in evaluation mode.
        item_ids: raw id of each row of the item table.
    """

    path: Path
    info: CheckpointInfo
    recipe: Recipe
    encoder: Encoder
    item_ids: list[str]


def describe(
    recipe: Recipe,
    *,
    dataset: str,
    fingerprint: str,
    split: SplitRule,
    step: int,
    metrics: Mapping[RankProtocol, Mapping[str, float]],
) -> CheckpointInfo:
    """What a checkpoint of this recipe records of itself."""
    found = [ingredient.entry for ingredient in recipe.ingredients.values()]
    origins = tuple(
        Origin(name=entry.name, kind=entry.kind, package=entry.package, version=entry.version) for entry in found
    )
    return CheckpointInfo(
        config=recipe.config.to_toml(),
        components=origins,
        dataset=dataset,
        fingerprint=fingerprint,
        split=split,
        step=step,
        metrics=metrics,
    )


def save_checkpoint(path: Path, encoder: Encoder, item_ids: Sequence[str], info: CheckpointInfo) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    encoded = [text.encode() for text in item_ids]
    offsets = torch.tensor([0, *(len(text) for text in encoded)]).cumsum(0)
    tensors = {_WEIGHTS + name: _stored(value) for name, value in encoder.state_dict().items()}
    tensors[_VOCABULARY_BYTES] = torch.from_numpy(np.frombuffer(bytearray(b"".join(encoded)), dtype=np.uint8))
    tensors[_VOCABULARY_OFFSETS] = offsets
    metadata = {"fearec": info.model_dump_json()}
    with atomic_file(path) as temporary:
        save_file(tensors, temporary, metadata={**metadata, _CHECKSUM: checksum(metadata, tensors)})


def load_checkpoint(path: Path, device: torch.device) -> Checkpoint:
    """Read a checkpoint and build its model.

    Args:
        path: the file, the directory of a run, whose best weights are read, or hub:OWNER/NAME[@REVISION], which is
            fetched first.
        device: of the model.

    Raises:
        CheckpointError: the file is missing, cut short, no checkpoint of ours, newer than this program, or
            needs a component that is not installed.
    """
    path = located(path)
    if path.is_dir():
        if not (path / BEST_FILE).exists():
            raise CheckpointError(f"{path}: holds no {BEST_FILE}; give a run's directory, or the file of a checkpoint")
        path = path / BEST_FILE
    info, metadata, tensors = _read(path)
    registry = load_components()
    try:
        recipe = read_recipe(registry, info.config)
    except tomllib.TOMLDecodeError as error:
        raise CheckpointError(f"{path}: its configuration cannot be read: {error}; {_REMEDY}") from error
    except ConfigError as error:
        problems = "\n".join(f"{path}: {problem}" for problem in error.problems)
        raise CheckpointError(_missing(path, info, registry) or problems) from error
    item_ids = _item_ids(path, tensors)
    weights = part(tensors, _WEIGHTS)
    _check_shapes(path, recipe, len(item_ids), weights)
    # Earlier checkpoints have no checksum.
    if metadata.pop(_CHECKSUM, None) not in (None, checksum(metadata, tensors)):
        raise CheckpointError(f"{path}: was changed since it was written (its checksum is another); {_REMEDY}")
    encoder = build_encoder(recipe, len(item_ids), fresh=False)
    try:
        encoder.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path}: its weights do not fit its configuration: {reason}") from error
    return Checkpoint(path, info, recipe, encoder.to(device).eval(), item_ids)


def _item_ids(path: Path, tensors: Mapping[str, Tensor]) -> list[str]:
    """The raw ids, if they are what a vocabulary can be: texts, each once.

    Raises:
        CheckpointError: they are not.
    """
    damaged = CheckpointError(f"{path}: its item ids are missing or damaged; {_REMEDY}")
    try:
        offsets, content = tensors[_VOCABULARY_OFFSETS], tensors[_VOCABULARY_BYTES]
    except KeyError:
        raise damaged from None
    if offsets.dtype != torch.int64 or content.dtype != torch.uint8 or offsets.ndim != 1 or content.ndim != 1:
        raise damaged
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != len(content) or bool((offsets.diff() < 0).any()):
        raise damaged
    text = content.numpy().tobytes()
    try:
        item_ids = [text[start:end].decode() for start, end in itertools.pairwise(offsets.tolist())]
    except UnicodeDecodeError:
        raise damaged from None
    if len(set(item_ids)) != len(item_ids):
        raise damaged
    return item_ids


def _check_shapes(path: Path, recipe: Recipe, n_items: int, weights: Mapping[str, Tensor]) -> None:
    """Check that the weights have the configuration's sizes, before anything of these sizes is allocated.

    Raises:
        CheckpointError: the tables or the feed-forwards have another size, or a weight is not a floating number.
    """
    model = recipe.model
    expected = {
        "embedding.items.weight": (n_items + 1, model.dim),
        "embedding.positions.weight": (model.max_length, model.dim),
        **{
            f"layers.{layer}.feed_forward.expand.weight": (model.inner, model.dim)
            for layer in range(min(model.layers, 1000))
        },
    }
    if model.positions != "absolute":
        del expected["embedding.positions.weight"]
    for name, shape in expected.items():
        if name not in weights or tuple(weights[name].shape) != shape:
            found = tuple(weights[name].shape) if name in weights else "nothing"
            raise CheckpointError(
                f"{path}: its weights do not fit its configuration: size mismatch for {name}: {shape} expected, "
                f"{found} found; {_REMEDY}"
            )
    for name, value in weights.items():
        if value.dtype not in (torch.float32, torch.float64, torch.int64, torch.bool):
            raise CheckpointError(
                f"{path}: the weight {name} is of type {value.dtype}, which is not one of ours; {_REMEDY}"
            )


def _stored(value: Tensor) -> Tensor:
    """As a checkpoint has it: on the CPU, half precision as float32, which every device computes in."""
    dtype = torch.promote_types(value.dtype, torch.float32) if value.is_floating_point() else value.dtype
    return value.detach().to("cpu", dtype).contiguous()


def read_info(path: Path) -> CheckpointInfo:
    """What a checkpoint records of itself, without its weights.

    Raises:
        CheckpointError: the file is missing, cut short, no checkpoint of ours, or newer than this program.
    """
    _check_there(path)
    return _info(path, read_metadata(path, what="safetensors file"))


def _read(path: Path) -> tuple[CheckpointInfo, dict[str, str], dict[str, Tensor]]:
    _check_there(path)
    metadata, tensors = read_tensors(path, what="safetensors file", remedy=_REMEDY)
    return _info(path, metadata), metadata, tensors


def _check_there(path: Path) -> None:
    if not path.is_file():
        if path.exists():
            raise CheckpointError(f"{path}: is a pipe, a device or a directory; give a file that `fearec train` wrote")
        raise CheckpointError(f"{path}: there is no such checkpoint; `fearec train` writes {BEST_FILE}")


def _info(path: Path, metadata: Mapping[str, str]) -> CheckpointInfo:
    if "fearec" not in metadata:
        raise CheckpointError(
            f"{path}: is a safetensors file, but no checkpoint of fearec; give the best.safetensors of a run"
        )
    try:
        table: dict[str, Any] = parse_json(metadata["fearec"])
        if not isinstance(table.get("format"), int) or table["format"] < 1:
            raise ValueError("it names no format")
        if table["format"] > FORMAT:
            raise CheckpointError(
                f"{path}: has format {table['format']}, and this program reads up to {FORMAT}; upgrade fearec"
            )
        return CheckpointInfo.model_validate(table)
    except (ValueError, TypeError, AttributeError) as error:  # pydantic's and json's errors are ValueErrors
        reason = " ".join(str(error).split())
        raise CheckpointError(f"{path}: its description cannot be read: {reason}; {_REMEDY}") from error


def _missing(path: Path, info: CheckpointInfo, registry: Registry) -> str:
    """A message naming the packages of components that are not installed; empty if all are."""
    known = {entry.name for entry in registry}
    lacking = [origin for origin in info.components if origin.name not in known]
    if not lacking:
        return ""
    parts = ", ".join(f"the {origin.kind} {origin.name!r} of {origin.package} {origin.version}" for origin in lacking)
    named = {f"{origin.package}=={origin.version}" for origin in lacking if _is_package(origin)}
    install = f"; `pip install {' '.join(sorted(named))}`" if named else ""
    broken = "".join(f" ({plugin})" for plugin in registry.broken)
    return f"{path}: was made with {parts}, which is not installed{install}{broken}"


def _is_package(origin: Origin) -> bool:
    """Whether a file's package and version are safe in a command that a user may paste (PEP 508, PEP 440)."""
    return bool(_PACKAGE.fullmatch(origin.package) and _VERSION.fullmatch(origin.version))
