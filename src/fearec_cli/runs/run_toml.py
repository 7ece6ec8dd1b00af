"""run.toml: every setting of a run, and in the table `[run]` what it was begun with.

The table is for people who find the directory later; nothing is computed from it.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tomli_w
import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from fearec_cli.components.registry import Registry
from fearec_cli.config import RUN_TABLE, Recipe, RunConfig, load_recipe, load_run
from fearec_cli.data.prepared import Prepared
from fearec_cli.runs.directory import RUN_FILE, has_begun
from fearec_cli.system.atomic import atomic_file
from fearec_cli.system.parsing import ParseError, parse_toml, read_bounded


class Facts(BaseModel):
    """What a run was begun with.

    Attributes:
        data: name of the data set.
        fingerprint: its first 16 digits.
        preset: that the settings started from; empty where they came from a file that names none.
        begun: UTC, to the second.
        versions: of fearec, of torch, and of the packages that its components come from.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    data: str
    fingerprint: str
    preset: str
    begun: str
    versions: dict[str, str]

    @classmethod
    def of(cls, recipe: Recipe, prepared: Prepared) -> "Facts":
        """Of a run that begins now."""
        packages = {each.entry.package: each.entry.version for each in recipe.ingredients.values()}
        return cls(
            data=prepared.name,
            fingerprint=prepared.fingerprint[:16],
            preset=recipe.preset,
            begun=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            versions={**packages, "fearec": version("fearec"), "torch": torch.__version__},
        )


def read_facts(directory: Path) -> Facts | None:
    """What the run in a directory was begun with; None where its file has no such table, as earlier files have not."""
    try:
        return Facts.model_validate(parse_toml(read_bounded(directory / RUN_FILE)).get(RUN_TABLE))
    except (OSError, ParseError, ValidationError):
        return None


def write_run_file(directory: Path, config: RunConfig, facts: Facts) -> None:
    """Write run.toml: what the run was begun with, and every setting.

    Raises:
        OutputError: it cannot be written.
    """
    about = tomli_w.dumps({RUN_TABLE: facts.model_dump()})
    with atomic_file(directory / RUN_FILE) as temporary:
        temporary.write_text(f"{config.to_toml()}\n{about}", encoding="utf-8")


def recipe_to_train(
    registry: Registry,
    directory: Path | None,
    *,
    resume: bool,
    preset: str | None = None,
    file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    assignments: Iterable[str] = (),
    keep_batch_size: bool = False,
) -> Recipe:
    """The recipe of a run, from the user's words and, where it goes on, from its own file.

    A run that goes on has its own settings, changed by what the user names. Where a preset or a file is named, the
    settings are what they would be of a new run: whoever types the first command again means the same.

    Args:
        registry: what components there are.
        directory: of the run.
        resume: go on with the run there, if one has begun.
        preset, file, flags, assignments: as those of `load_recipe`.
        keep_batch_size: take the batch size of a run that goes on, which was found by trying.

    Raises:
        ConfigError: carries every problem found.
    """
    if not (resume and directory is not None and has_begun(directory)):
        return load_recipe(registry, preset=preset, file=file, flags=flags, assignments=assignments)
    flags = {**(flags or {})}
    own = load_run(registry, directory / RUN_FILE)
    if keep_batch_size:
        flags["training.batch_size"] = own.training.batch_size
    if preset is None and file is None:
        return load_run(registry, directory / RUN_FILE, flags=flags, assignments=assignments)
    flags = {"training.track": own.training.track, **flags}
    return load_recipe(registry, preset=preset, file=file, flags=flags, assignments=assignments)
