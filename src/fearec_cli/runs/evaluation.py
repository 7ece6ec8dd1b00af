"""A checkpoint evaluated on its data set: what `fearec evaluate`, `fearec report` and `fearec_cli.evaluate` do."""

import time
from collections.abc import Callable, Sequence

from fearec_cli.components.registry import load_components
from fearec_cli.config.closest import closest_preset
from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.splits import SplitName
from fearec_cli.evaluation.baselines.ranking import baselines, rank_baselines
from fearec_cli.evaluation.checks import LeakCheck, Remains, check_leaks, evaluate_shuffled
from fearec_cli.evaluation.evaluate import evaluate
from fearec_cli.evaluation.header import Header, Scored, sha256
from fearec_cli.evaluation.lists import ListMetrics, list_metrics
from fearec_cli.evaluation.metrics import check_k
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.evaluation.report import Report
from fearec_cli.evaluation.slices import slices
from fearec_cli.kernels.allocator import keep_freed_memory
from fearec_cli.runs.checkpoint import Checkpoint

USUAL_KS = (5, 10, 20)


def evaluate_checkpoint(
    checkpoint: Checkpoint,
    prepared: Prepared,
    *,
    split: SplitName = "test",
    ks: Sequence[int] | None = None,
    protocols: Sequence[RankProtocol] = ("unmasked", "seen-masked"),
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Rank every held-out item among the whole catalogue, beside the baselines, on the checkpoint's device.

    Args:
        checkpoint: the model.
        prepared: the data set that it was trained on.
        split: which of the two held-out parts.
        ks: lengths of the list; 5, 10 and 20 unless given, as far as the catalogue has so many items.
        protocols: rank among all items, or among those that the user has not seen.
        on_progress: called with the number of the model's targets done and of all targets.

    Raises:
        ConfigError: a list is longer than the catalogue.
        EvaluationError: the catalogue is another one, or a score is not a number.
    """
    ks = _lengths(ks, prepared.n_items)
    device = checkpoint.encoder.item_table().device
    if device.type == "cpu":
        keep_freed_memory()
    table, held_out = InteractionTable.load(prepared, device), prepared.split.held_out(split)
    began = time.perf_counter()
    model = evaluate(checkpoint.encoder, table, held_out, on_progress=on_progress)
    scored = _scored(checkpoint, str(device), time.perf_counter() - began)
    scorers = baselines(prepared)
    return Report(
        header=Header.of(prepared, held_out, model.repeated, scored),
        model=model,
        baselines=rank_baselines(scorers, prepared, held_out),
        described={name: scorer.what for name, scorer in scorers.items()},
        slices=slices(prepared, held_out, model.repeated),
        ks=ks,
        protocols=protocols,
    )


def check_leaks_of(checkpoint: Checkpoint, prepared: Prepared, split: SplitName = "test") -> LeakCheck:
    """`fearec_cli.evaluation.checks.check_leaks` of a checkpoint on its data set.

    Raises:
        EvaluationError: a score moved.
    """
    table = InteractionTable.load(prepared, checkpoint.encoder.item_table().device)
    return check_leaks(checkpoint.encoder, table, prepared.split.held_out(split))


def evaluate_shuffled_histories(
    checkpoint: Checkpoint, prepared: Prepared, split: SplitName = "test", ks: Sequence[int] = (10,)
) -> dict[RankProtocol, dict[str, Remains]]:
    """What stays of each metric of a checkpoint when histories are shuffled, by protocol and name."""
    table = InteractionTable.load(prepared, checkpoint.encoder.item_table().device)
    return evaluate_shuffled(checkpoint.encoder, table, prepared.split.held_out(split)).remains(ks)


def list_metrics_of(
    checkpoint: Checkpoint, prepared: Prepared, split: SplitName = "test", k: int = 10
) -> dict[RankProtocol, ListMetrics]:
    """`fearec_cli.evaluation.lists.list_metrics` of a checkpoint on its data set.

    Raises:
        ConfigError: the list is longer than the catalogue.
    """
    check_k(k, prepared.n_items, f"k = {k}")
    table = InteractionTable.load(prepared, checkpoint.encoder.item_table().device)
    return list_metrics(checkpoint.encoder, prepared, table, prepared.split.held_out(split), k)


def _scored(checkpoint: Checkpoint, device: str, seconds: float) -> Scored:
    config = checkpoint.recipe.config
    return Scored(
        checkpoint=sha256(checkpoint.path) if checkpoint.path.is_file() else "",
        preset=closest_preset(load_components(), config),
        seed=config.training.seed,
        samples="all positions" if config.training.targets == "all" else "prefixes",
        loss=config.loss,
        device=device,
        seconds=seconds,
    )


def _lengths(ks: Sequence[int] | None, n_items: int) -> Sequence[int]:
    """The lengths of the list that are asked for, or those of the usual ones that the catalogue has."""
    if ks is None:
        return [k for k in USUAL_KS if k <= n_items] or [n_items]
    for k in ks:
        check_k(k, n_items, f"k = {k}")
    return ks
