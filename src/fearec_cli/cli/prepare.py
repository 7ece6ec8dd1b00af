"""`fearec prepare`: from a source of data to a prepared directory."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fearec_cli.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from fearec_cli.data.prepared import Prepared


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
) -> None:
    """Read a log, filter and number it, and write a prepared data set.

    The filters run in this order: rating and dates, repeats, k-core, length, sample of users.
    A user's interactions are ordered by time, and by line where times are equal.
    The last one is held out for testing and the one before it for validation, unless --split global-time cuts the
    whole log at two moments.
    """
    from fearec_cli.cli.prepare_report import print_prepared

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
    prepared, written = prepare_source(
        source,
        path=from_,
        out=out,
        assignments=set_ or [],
        settings={name: value for name, value in settings.items() if value is not None},
        force=force,
    )
    print_prepared(prepared, "wrote" if written else "already prepared:")


def prepare_source(
    source: str,
    *,
    path: Path | None = None,
    out: Path | None = None,
    assignments: Iterable[str] = (),
    settings: Mapping[str, Any] | None = None,
    force: bool = False,
) -> "tuple[Prepared, bool]":
    """Prepare a source, unless that is done already.

    Args:
        source: name of an adapter; where that takes a location (`hub`), also NAME:LOCATION.
        path: file to read, where it reads one.
        out: directory to write; `data/SOURCE` unless given, or data/NAME-FILE of a Hub's file.
        assignments: `SOURCE.OPTION=VALUE` texts.
        settings: fields of `fearec_cli.data.prepare.Settings`; the adapter proposes the k-core.
        force: replace what stands at `out`.

    Returns:
        The data set, and whether it was written now.

    Raises:
        FearecError: no such adapter, bad options, a log that cannot be read or used, or something else
            standing at `out`.
    """
    from importlib.metadata import version

    from fearec_cli.cli.prepare_progress import watching
    from fearec_cli.data.manifest import describe, read_manifest
    from fearec_cli.data.prepare import prepare_split
    from fearec_cli.data.prepared import DATA, is_prepared, open_prepared, write_prepared
    from fearec_cli.data.settings import Settings
    from fearec_cli.options import validate_options
    from fearec_cli.registry import load_adapters

    source, _, location = source.partition(":")
    adapter = load_adapters().get("adapter", source)
    values, problems = _read_assignments(source, assignments)
    if location:
        values["location"] = location
    options, found = validate_options(source, adapter.component.options, values)
    chosen, found_settings = validate_options("prepare", Settings, settings or {})
    if options is None or chosen is None or problems:
        raise ConfigError([*problems, *found, *found_settings])

    out = out or DATA / _default_name(source, location)
    if out.exists() and not is_prepared(out):
        # Not even --force removes what this program did not write.
        raise OutputError(f"{out}: exists and is no prepared data set; choose another place by --out")
    log = adapter.component.build(options).read(path)
    if "k_core" not in chosen.model_fields_set:
        chosen = chosen.model_copy(update={"k_core": log.k_core})
    values = options.model_dump(mode="json")
    made_by = {"fearec": version("fearec"), adapter.package: adapter.version}
    before = read_manifest(out) if is_prepared(out) and not force else None
    if before is not None:
        if not before.same_choices(chosen, values):
            raise _taken(out)
        if before.same_bytes(log.source, made_by):
            return open_prepared(out), False
    with watching() as watcher:
        interactions, rule = prepare_split(log, chosen, watcher)
        watcher.on_stage("writing")
        manifest = describe(
            log, interactions, rule, chosen, name=out.resolve().name, options=values, kept=watcher.kept, made_by=made_by
        )
        if before is None:
            return write_prepared(out, manifest, interactions, replace=force), True
    if before.same_data(manifest):
        return open_prepared(out), False
    raise _taken(out)


def _taken(out: Path) -> OutputError:
    return OutputError(
        f"{out}: holds a data set that was prepared from other data or otherwise; replace it by --force, "
        f"or choose another place by --out"
    )


def _read_assignments(source: str, assignments: Iterable[str]) -> tuple[dict[str, Any], list[str]]:
    """Option values, and every problem. A family's name does for the source's, as `amazon` for `amazon-beauty`."""
    from fearec_cli.options import parse_assignment

    values: dict[str, Any] = {}
    problems: list[str] = []
    for text in assignments:
        try:
            name, option, value = parse_assignment(text)
        except ConfigError as error:
            problems += error.problems
            continue
        if name == source or source.startswith(f"{name}-"):
            values[option] = value
        else:
            problems.append(f"--set {text}: {name!r} is not the source; its options are {source}.OPTION")
    return values, problems


def _default_name(source: str, location: str) -> str:
    """Name under data/: the source's, or of OWNER/NAME/path/file.csv the parts that tell it from others."""
    _, *parts = location.split("/")
    return "-".join([parts[0], parts[-1].partition(".")[0]]) if len(parts) > 1 else source
