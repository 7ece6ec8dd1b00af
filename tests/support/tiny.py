"""Small data sets, configurations and layer inputs for tests."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import torch

from fearec_cli.api import LayerInputs, LayerShape
from fearec_cli.components.registry import Kind, load_components
from fearec_cli.config import Recipe, RunConfig, load_recipe
from fearec_cli.data.batches import InteractionTable, TrainingPrefixes
from fearec_cli.data.interactions import Interactions
from fearec_cli.data.manifest import Manifest
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut
from fearec_cli.data.splits import ColdTargets, HeldOut, SplitName
from fearec_cli.data.windows import TrainingWindows
from fearec_cli.evaluation.header import Header, Scored
from fearec_cli.model.build import build_encoder
from fearec_cli.model.encoder import Encoder
from fearec_cli.nn.positions import Padding

SMALL = ("model.dim=8", "model.inner=16", "model.max_length=10", "training.device=cpu")
LEAVE_ONE_OUT = LeaveOneOut()


def prepared(
    sequences: Sequence[Sequence[int]],
    n_items: int | None = None,
    *,
    rule: LeaveOneOut | GlobalTime = LEAVE_ONE_OUT,
    times: Sequence[int] | None = None,
) -> Prepared:
    """A prepared data set that is nowhere on disk; `times` in microseconds, one an interaction."""
    items = np.array([item for sequence in sequences for item in sequence], dtype=np.int32)
    offsets = np.cumsum([0, *map(len, sequences)], dtype=np.int64)
    size = int(items.max()) if n_items is None else n_items
    interactions = Interactions(
        items=items,
        offsets=offsets,
        timestamps=None if times is None else np.array(times, dtype=np.int64),
        raw_users=pl.Series([f"u{user}" for user in range(len(sequences))]),
        raw_items=pl.Series([f"i{item}" for item in range(1, size + 1)]),
    )
    manifest = SimpleNamespace(name="tiny", fingerprint="ab12", split=rule)
    return Prepared(Path("nowhere"), cast("Manifest", manifest), interactions)


def training_prefixes(
    sequences: Sequence[Sequence[int]], max_length: int, padding: Padding = "right"
) -> TrainingPrefixes:
    """The training prefixes of such a data set."""
    data = prepared(sequences)
    table = InteractionTable.load(data, torch.device("cpu"))
    return TrainingPrefixes(table, data, max_length, padding)


def training_samples(made: Recipe, sequences: Sequence[Sequence[int]]) -> TrainingPrefixes | TrainingWindows:
    """The training part of such a data set, as a recipe's targets ask for it."""
    data = prepared(sequences)
    table = InteractionTable.load(data, torch.device("cpu"))
    if made.training.targets == "all":
        return TrainingWindows(table, data, made.model.max_length)
    return TrainingPrefixes(table, data, made.model.max_length, made.model.padding)


def held_out(split: SplitName, *, users: Sequence[int], cold: ColdTargets | None = None) -> HeldOut:
    """Targets of these users, which are nowhere in any table."""
    nowhere = np.arange(len(users))
    return HeldOut(nowhere, nowhere + 1, split=split, users=np.array(users), cold=cold or ColdTargets(0, 0, 0))


def scored(**changes: Any) -> Scored:
    """A model that gave ranks, as a header names it."""
    facts = {"checkpoint": "cd34", "preset": "sasrec", "seed": 7, "samples": "prefixes", "loss": "ce", "device": "cpu"}
    return Scored.model_validate({**facts, "seconds": 0.5, **changes})


def header(**changes: Any) -> Header:
    """Facts of three targets of as many users among a hundred items."""
    facts = {"dataset": "shop", "fingerprint": "ab12", "split": "test", "rule": LEAVE_ONE_OUT, "target": "last"}
    counts = {"items": 100, "targets": 3, "users": 3, "cold": ColdTargets(0, 0, 0), "repeated": 0}
    return Header.model_validate({**facts, **counts, "leaked": None, "tied": None, "model": scored(), **changes})


def config(*assignments: str, preset: str = "fearec", **flags: Any) -> RunConfig:
    """A small configuration over a preset; `flags` as in `load_recipe`."""
    return recipe(*assignments, preset=preset, **flags).config


def recipe(*assignments: str, preset: str = "fearec", **flags: Any) -> Recipe:
    """The same with its components resolved."""
    return load_recipe(load_components(), preset=preset, flags=flags, assignments=[*SMALL, *assignments])


def encoder(settings: RunConfig | Recipe, n_items: int = 20, seed: int = 0) -> Encoder:
    """An encoder in evaluation mode, whose weights are large enough that outputs differ visibly."""
    torch.manual_seed(seed)
    made = settings if isinstance(settings, Recipe) else Recipe.of(settings, load_components())
    model = build_encoder(made, n_items)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.mul_(15)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.3)
    return model.eval()


def sequences_batch(
    lengths: Iterable[int], n: int, n_items: int, padding: Padding, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Random padded ids and their lengths."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.tensor(list(lengths))
    ids = torch.randint(1, n_items + 1, (len(lengths), n), generator=generator)
    return ids * validity(lengths, n, padding), lengths


def validity(lengths: torch.Tensor, n: int, padding: Padding) -> torch.Tensor:
    """True at real positions."""
    positions = torch.arange(n)
    if padding == "right":
        return positions < lengths[:, None]
    return positions >= n - lengths[:, None]


def layer_shape(**changes: Any) -> LayerShape:
    """A small layer's place; dropout off."""
    return LayerShape(**{"layer": 0, "n_layers": 2, "max_length": 10, "dim": 8, "heads": 2, **changes})


def part(kind: Kind, name: str, *built_with: Any, **options: Any) -> Any:
    """A registered component, built."""
    component = load_components().get(kind, name).component
    return component.build(component.options(**options), *built_with)


def layer_inputs(
    shape: LayerShape,
    *,
    layer_filter: Any = None,
    lengths: Sequence[int] | None = None,
    padding: Padding = "right",
    last_only: bool = False,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    batch: int = 3,
    **signals: torch.Tensor,
) -> LayerInputs:
    """What a layer hands to its branches, of random signals unless `signals` gives x, q, k or v."""
    generator = torch.Generator().manual_seed(seed)
    n = shape.max_length
    size = (batch, n, shape.dim)
    x, q, k, v = (torch.randn(size, generator=generator, dtype=dtype) for _ in range(4))
    drawn = {"x": x, "q": q, "k": k, "v": v} | signals
    count = torch.full((batch,), n) if lengths is None else torch.tensor(lengths)
    return LayerInputs(
        drawn.pop("x"),
        validity(count, n, padding),
        count,
        count - 1 if padding == "right" else torch.full_like(count, n - 1),
        last_only=last_only,
        heads=shape.heads,
        projected=drawn,
        layer_filter=layer_filter if layer_filter is not None else part("filter", "none", shape),
    )
