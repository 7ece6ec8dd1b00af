"""Which prepared data set a command works on."""

from pathlib import Path
from typing import Any

from fearec_cli.data.prepared import DATA, Prepared, find_prepared, locate_dataset, open_prepared
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.errors import CheckpointError, ConfigError
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.runs.directory import has_begun
from fearec_cli.runs.run_files import saved_metadata

DEMO = "demo"


def open_dataset(text: str) -> Prepared:
    """The data set of this directory or name; the demo is prepared on first use.

    Raises:
        DataError: it is not there or cannot be read.
        OutputError: the demo cannot be written.
    """
    if text == DEMO and not (DATA / DEMO).exists():
        return prepare_source(DEMO)[0]
    return open_prepared(locate_dataset(text))


def check_dataset_named(dataset: Any, directory: Path | None, *, resume: bool) -> None:
    """Check that a run to be resumed exists, or its data set is named: the directory's name may be mistyped.

    Raises:
        ConfigError: no data set is named, and no run has begun in the directory.
    """
    if resume and dataset is None and directory is not None and not has_begun(directory):
        raise ConfigError([f"--resume: no run has begun in {directory}; name a data set to begin one there"])


def dataset_of(checkpoint: Checkpoint, text: str | None) -> Prepared:
    """The data set that a checkpoint was trained on.

    Args:
        checkpoint: the checkpoint.
        text: directory or name of the data set; None to look for it under data/.

    Raises:
        CheckpointError: it is another one, or is not found.
    """
    info = checkpoint.info
    if text is None:
        found = find_prepared(info.fingerprint, DATA)
        if found is None:
            raise CheckpointError(
                f"{checkpoint.path}: its data set {info.dataset!r} (fingerprint {info.fingerprint[:12]}) is not under "
                f"{DATA}/; give its directory: fearec evaluate {checkpoint.path} DATASET"
            )
        return open_prepared(found)
    prepared = open_dataset(text)
    if prepared.fingerprint != info.fingerprint:
        raise CheckpointError(_difference(checkpoint, prepared))
    return prepared


def dataset_of_run(directory: Path) -> Prepared:
    """The data set of the run that stands in a directory, looked for under data/.

    Raises:
        CheckpointError: the run has no state that can be read, or its data set is not found.
    """
    return dataset_of_fingerprint(saved_metadata(directory).get("fingerprint", ""), directory)


def dataset_of_fingerprint(fingerprint: str, directory: Path) -> Prepared:
    """The data set that the runs in a directory were trained on, looked for under data/ by its fingerprint.

    Raises:
        CheckpointError: it is not found.
    """
    found = find_prepared(fingerprint, DATA)
    if found is None:
        raise CheckpointError(
            f"{directory}: its data set is not under {DATA}/; name it: fearec train DATASET --resume --out {directory}"
        )
    return open_prepared(found)


def _difference(checkpoint: Checkpoint, prepared: Prepared) -> str:
    """How the data set at hand differs from the one the checkpoint was trained on."""
    info = checkpoint.info
    theirs, ours = set(checkpoint.item_ids), set(prepared.item_ids())
    if theirs != ours:
        what = (
            f"of its {len(theirs):,} items {len(theirs - ours):,} are missing there, "
            f"and {len(ours - theirs):,} of the {len(ours):,} there are new to it"
        )
    elif info.split != prepared.split.rule:
        what = f"it was split by {info.split}, and this one by {prepared.split.rule}"
    else:
        what = "the items are the same, the interactions or their order are not"
    return (
        f"{checkpoint.path}: was trained on {info.dataset!r} (fingerprint {info.fingerprint[:12]}), and "
        f"{prepared.directory} is another data set (fingerprint {prepared.fingerprint[:12]}): {what}"
    )
