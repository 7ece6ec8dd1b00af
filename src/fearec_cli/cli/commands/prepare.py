"""`fearec prepare`: from a source of data to a prepared directory."""

from pathlib import Path
from typing import Annotated, Literal

import typer


def prepare(
    source: Annotated[
        str,
        typer.Argument(
            help="Source of the data; `fearec datasets` lists them. hub:OWNER/NAME/FILE is any file of the Hub."
        ),
    ],
    from_: Annotated[Path | None, typer.Option("--from", help="File to read.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to write.", show_default="data/SOURCE")] = None,
    k_core: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Keep users and items with N interactions among themselves; 0 keeps all.",
            metavar="N",
            show_default="5, or 0 where the source comes filtered",
        ),
    ] = None,
    user_core: Annotated[
        int | None, typer.Option(min=0, help="The same for users alone.", metavar="N", show_default="as --k-core")
    ] = None,
    item_core: Annotated[
        int | None, typer.Option(min=0, help="The same for items alone.", metavar="N", show_default="as --k-core")
    ] = None,
    core_on: Annotated[
        Literal["all", "training"],
        typer.Option(help="Look for the core in the whole log, or in the training part of --split global-time."),
    ] = "all",
    min_rating: Annotated[
        float | None,
        typer.Option(help="Keep interactions of this rating or higher.", metavar="X", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="Keep interactions at this time or later, ISO 8601, UTC.", metavar="TIME", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Keep interactions before this time, ISO 8601, UTC.", metavar="TIME", show_default=False),
    ] = None,
    deduplicate: Annotated[
        Literal["none", "all", "consecutive"],
        typer.Option(
            help="all: keep the earliest of repeated user-item pairs; consecutive: keep the first of an item "
            "that a user repeats without another between."
        ),
    ] = "none",
    min_length: Annotated[
        int, typer.Option(min=0, help="Drop users with fewer interactions, after the k-core.", metavar="N")
    ] = 0,
    max_users: Annotated[
        int,
        typer.Option(min=0, help="Keep a random sample of N users, after all other filters; 0 keeps all.", metavar="N"),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws another sample of users.", metavar="N")] = 0,
    split: Annotated[
        Literal["leave-one-out", "global-time"],
        typer.Option(help="Hold out each user's last two interactions, or all from a moment on."),
    ] = "leave-one-out",
    valid_from: Annotated[
        str | None,
        typer.Option(
            help="global-time: where validation starts, a share of the interactions or a UTC time.",
            metavar="SHARE|TIME",
            show_default="0.8",
        ),
    ] = None,
    test_from: Annotated[
        str | None,
        typer.Option(help="global-time: where testing starts, likewise.", metavar="SHARE|TIME", show_default="0.9"),
    ] = None,
    target: Annotated[
        Literal["last", "first", "all"] | None,
        typer.Option(help="global-time: which of a user's interactions in a period to predict.", show_default="last"),
    ] = None,
    cold: Annotated[
        Literal["drop", "count"] | None,
        typer.Option(
            help="global-time: drop targets whose user or item is not in training, or keep and count them.",
            show_default="drop",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Option of the source.", metavar="SOURCE.OPTION=VALUE", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what stands at --out.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try it on the first rows, say what would happen, and write nothing.")
    ] = False,
) -> None:
    """Read a log, filter and number it, and write a prepared data set.

    The filters run in this order: rating and dates, repeats, k-core, length, sample of users.
    A user's interactions are ordered by time, and by line where times are equal.
    The last one is held out for testing and the one before it for validation, unless --split global-time cuts the
    whole log at two moments.
    """
    from fearec_cli.cli.show.prepare_progress import watching
    from fearec_cli.cli.show.prepare_report import print_prepared, print_preview
    from fearec_cli.data.preparing.pipeline import open_source, prepare_source

    settings = {
        "min_rating": min_rating,
        "since": since,
        "until": until,
        "deduplicate": deduplicate,
        "k_core": k_core,
        "user_core": user_core,
        "item_core": item_core,
        "core_on": core_on,
        "min_length": min_length,
        "max_users": max_users,
        "seed": seed,
        "split": split,
        "valid_from": valid_from,
        "test_from": test_from,
        "target": target,
        "cold": cold,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    if dry_run:
        print_preview(open_source(source, path=from_, out=out, assignments=set_ or [], settings=given))
        return
    with watching() as watcher:
        prepared, written = prepare_source(
            source, path=from_, out=out, assignments=set_ or [], settings=given, force=force, watcher=watcher
        )
    print_prepared(prepared, "wrote" if written else "already prepared:")
