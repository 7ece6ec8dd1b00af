"""A checkpoint evaluated on its data set: what `fearec evaluate`, `fearec report` and `fearec_cli.evaluate` do."""

from collections.abc import Callable, Sequence

from fearec_cli.data.batches import InteractionTable
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.splits import SplitName
from fearec_cli.evaluation.evaluate import Popularity, evaluate
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.evaluation.report import Report
from fearec_cli.kernels.allocator import keep_freed_memory
from fearec_cli.runs.checkpoint import Checkpoint


def evaluate_checkpoint(
    checkpoint: Checkpoint,
    prepared: Prepared,
    *,
    split: SplitName = "test",
    ks: Sequence[int] = (5, 10, 20),
    protocols: Sequence[RankProtocol] = ("unmasked", "seen-masked"),
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Rank every held-out item among the whole catalogue, beside the popularity baseline, on the checkpoint's device.

    Args:
        checkpoint: the model.
        prepared: the data set that it was trained on.
        split: which of the two held-out parts.
        ks: lengths of the list.
        protocols: rank among all items, or among those that the user has not seen.
        on_progress: called with the number of the model's targets done and of all targets.

    Raises:
        EvaluationError: the catalogue is another one, or a score is not a number.
    """
    device = checkpoint.encoder.item_table().device
    if device.type == "cpu":
        keep_freed_memory()
    table, held_out = InteractionTable.load(prepared, device), prepared.split.held_out(split)
    return Report(
        dataset=prepared.name,
        fingerprint=prepared.fingerprint,
        rule=prepared.split.rule,
        model=evaluate(checkpoint.encoder, table, held_out, on_progress=on_progress),
        popularity=evaluate(Popularity(table, prepared.split), table, held_out),
        ks=ks,
        protocols=protocols,
    )
