"""What `fearec prepare` prints in the end."""

from dataclasses import asdict

from rich.text import Text

from fearec_cli.cli.listing import make_console, print_pairs
from fearec_cli.data.manifest import Manifest
from fearec_cli.data.prepared import Prepared
from fearec_cli.data.settings import Settings

_REPEATS = {"none": "kept", "all": "earliest of a pair kept", "consecutive": "first in a row kept"}


def print_prepared(prepared: Prepared, verb: str) -> None:
    """The statistics, a line each, every filter, and where the data set is.

    Args:
        prepared: the data set.
        verb: what was done with its directory.
    """
    counts, notes = prepared.manifest.counts, prepared.manifest.notes
    rows = {
        "users": f"{counts.users:,}",
        "items": f"{counts.items:,}",
        "interactions": f"{counts.interactions:,}",
        "mean length": f"{counts.mean_length:.2f}",
        "sparsity": f"{counts.sparsity:.4%}",
        "train prefixes": f"{counts.train.prefixes:,}",
        "valid": f"{counts.valid.targets:,}",
        "test": f"{counts.test.targets:,}",
        "period": f"{counts.first} to {counts.last}" if counts.first else "no times",
        **parts(prepared.manifest),
        **{f"{step}": f"{left:,}" for step, left in prepared.manifest.kept.items()},
        **filters(prepared.manifest.settings),
        **{name: note for name, note in notes.items() if isinstance(note, str)},
        "fingerprint": prepared.fingerprint[:16],
    }
    console = make_console()
    print_pairs(console, rows)
    console.print(Text(f"{verb} {prepared.directory}"))


def filters(settings: Settings) -> dict[str, str]:
    """What each filter is set to; of those that are seldom used, only the ones that are."""
    user_core, item_core = settings.cores
    rows = {
        "k-core": str(user_core or "off") if user_core == item_core else f"users {user_core}, items {item_core}",
        "min length": str(settings.min_length or "off"),
        "min rating": "off" if settings.min_rating is None else f"{settings.min_rating:g}",
        "repeats": _REPEATS[settings.deduplicate],
    }
    if settings.core_on == "training":
        rows["k-core"] += " (of the training part)"
    if settings.since or settings.until:
        rows["dates"] = f"from {settings.since or '...'} to before {settings.until or '...'}"
    if settings.max_users:
        rows["max users"] = f"{settings.max_users:,} (seed {settings.seed})"
    return rows


def parts(manifest: Manifest) -> dict[str, str]:
    """How the data set is split, and what lies in each part."""
    rows, counts = {"split": str(manifest.split)}, manifest.counts
    for name, part in (("train", counts.train), ("valid", counts.valid), ("test", counts.test)):
        if part.first:
            rows[f"{name} period"] = f"{part.first} to {part.last}, {part.interactions:,} interactions"
    for name, held_out in (("valid", counts.valid), ("test", counts.test)):
        if any(asdict(held_out.cold).values()):
            rows[f"{name} cold"] = str(held_out.cold)
    return rows
