"""What `fearec prepare` prints: of a data set that it wrote, or of one that it would write."""

from dataclasses import asdict, replace

from rich.text import Text

from fearec_cli.cli.show.console import make_console, print_pairs
from fearec_cli.data.manifest import Manifest
from fearec_cli.data.ordering import Ordering
from fearec_cli.data.prepared import Prepared, is_prepared
from fearec_cli.data.preparing.pipeline import Opened
from fearec_cli.data.preparing.progress import Watcher
from fearec_cli.data.preparing.steps import prepare_split
from fearec_cli.data.settings import Settings
from fearec_cli.data.splits import Split
from fearec_cli.data.statistics import Statistics
from fearec_cli.errors import EmptyDataError

# Rows that a dry run looks at.
_SAMPLE = 100_000
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
        **({} if counts.sparsity is None else {"sparsity": f"{counts.sparsity:.4%}"}),
        "train prefixes": f"{counts.train.prefixes:,}",
        "valid": f"{counts.valid.targets:,}",
        "test": f"{counts.test.targets:,}",
        "period": f"{counts.first} to {counts.last}" if counts.first else "no times",
        **parts(prepared.manifest),
        **ordering(prepared.manifest.ordering, counts.interactions),
        **{f"{step}": f"{left:,}" for step, left in prepared.manifest.kept.items()},
        **filters(prepared.manifest.settings),
        **{name: note for name, note in notes.items() if isinstance(note, str)},
        "fingerprint": prepared.fingerprint[:16],
    }
    console = make_console()
    print_pairs(console, rows)
    console.print(Text(f"{verb} {prepared.directory}"))


def print_preview(opened: Opened) -> None:
    """What would become of a source, tried on its first rows.

    Raises:
        DataError: one of these rows is bad.
    """
    console, source, watcher = make_console(), opened.log.source, Watcher()
    sample = replace(opened.log, frame=opened.log.frame.head(_SAMPLE))
    problem, rows = "", {}
    try:
        interactions, rule = prepare_split(sample, opened.settings, watcher)
        counts = Statistics.of(interactions, Split.of(interactions, rule))
        rows = {"users": f"{counts.users:,}", "items": f"{counts.items:,}", "split": str(rule)}
        if counts.first:
            rows["period"] = f"{counts.first} to {counts.last}"
        rows |= ordering(watcher.ordering, counts.interactions)
    except EmptyDataError as error:
        problem = str(error)
    read = watcher.kept["in the source"]
    whole = read < _SAMPLE
    print_pairs(
        console,
        {
            "source": " ".join(filter(None, [source.adapter, source.location, source.revision, source.sha256[:16]])),
            **{name: note for name, note in opened.log.notes.items() if isinstance(note, str)},
            **filters(opened.settings),
            "output": f"{opened.out}{' (holds a data set already)' if is_prepared(opened.out) else ''}",
        },
    )
    console.print(Text(f"\n{'all' if whole else 'of the first'} {read:,} rows of the source"))
    print_pairs(console, {**{step: f"{left:,}" for step, left in watcher.kept.items()}, **rows})
    if problem:
        console.print(Text(problem if whole else f"{problem} (of the sample; the whole log may have more)"))
    console.print(Text("\nnothing was written (--dry-run)"))


def ordering(found: Ordering | None, interactions: int) -> dict[str, str]:
    """What orders a user's interactions, as far as the source's order does, and which way that runs."""
    if found is None:
        return {}
    if not found.by:
        return {"ties": "no times: a user's rows are taken as oldest first, or with --order newest-first the other way"}
    rows = {"ties": "none"}
    if found.tied:
        rows["ties"] = (
            f"{found.tied:,} interactions ({found.tied / interactions:.1%}) share their {found.by[-1]} with another of "
            f"the same user, the last one of {found.tied_last:,} users too: the order of the source decides"
        )
    if found.direction == "newest first":
        rows["source order"] = "newest first"
        if found.tied:
            rows["source order"] += ", and equal times are read as oldest first: change --order"
    return rows


def filters(settings: Settings) -> dict[str, str]:
    """What each filter is set to; of those that are seldom used, only the ones that are."""
    user_core, item_core = settings.cores
    rows = {
        "k-core": str(user_core or "off") if user_core == item_core else f"users {user_core}, items {item_core}",
        "min length": str(settings.min_length or "off"),
        "min rating": "off" if settings.min_rating is None else f"{settings.min_rating:g}",
        "repeats": _REPEATS[settings.deduplicate],
    }
    if settings.order != "oldest-first":
        rows["order"] = "the source is newest first: equal times, or no times, are read backwards"
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
