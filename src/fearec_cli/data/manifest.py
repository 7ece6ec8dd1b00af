"""What dataset.json records of a prepared data set: where it came from, what was kept, what it counts."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from fearec_cli.api import Log, Source
from fearec_cli.data.interactions import Interactions
from fearec_cli.data.ordering import Ordering
from fearec_cli.data.settings import Settings
from fearec_cli.data.split_rules import GlobalTime, LeaveOneOut, SplitRule
from fearec_cli.data.splits import ColdTargets, Split
from fearec_cli.data.statistics import Statistics
from fearec_cli.errors import DataError, EmptyDataError
from fearec_cli.system.parsing import first_fault, parse_json, read_bounded
from fearec_cli.system.text import is_name

FORMAT: Final = 2
MANIFEST = "dataset.json"
_LARGEST = 16 * 2**20  # notes may be long
REMEDY = "prepare the data again (`fearec prepare ... --force`)"


def _check_name(name: str) -> str:
    """A data set's name becomes part of paths: whatever a file contains, it is one component of a path."""
    if not is_name(name):
        raise ValueError("must be a printable name without separators, of 100 characters at most")
    return name


class SourceRecord(BaseModel):
    """`fearec_cli.api.Source`, with the adapter's options: what is needed to read the raw rows again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapter: str
    options: dict[str, Any]
    location: str
    revision: str
    sha256: str


class Manifest(BaseModel):
    """What dataset.json holds.

    Attributes:
        format: number of the on-disk format.
        name: what the data set is called in reports.
        made_by: the packages that made it, and their versions: fearec and the adapter's.
        source: where the rows came from.
        settings: every filter setting.
        split: what holds interactions out, as `settings` asks for it, its moments found.
        ties: what orders the interactions of a user at equal times.
        ordering: how much of the order of interactions is the source's; None in older data sets.
        kept: interactions left after each step that drops some.
        counts: statistics after filtering, of the whole and of each part.
        notes: the adapter's remarks, as it made them.
        fingerprint: SHA-256 of the content and the split (`fingerprint_of`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[2] = FORMAT
    name: Annotated[str, AfterValidator(_check_name)]
    made_by: dict[str, str]
    source: SourceRecord
    settings: Settings
    split: SplitRule
    ties: Literal["source order"] = "source order"
    ordering: Ordering | None = None
    kept: dict[str, int]
    counts: Statistics
    notes: dict[str, Any]
    fingerprint: str

    def same_data(self, other: "Manifest") -> bool:
        """Whether both describe the same content, made by the same choices."""
        return self.fingerprint == other.fingerprint and self.same_choices(other.settings, other.source.options)

    def same_choices(self, settings: Settings, options: Mapping[str, Any]) -> bool:
        """Whether these filters and options of the adapter made it."""
        return self.settings == settings and self.source.options == options

    def same_bytes(self, source: Source, made_by: Mapping[str, str]) -> bool:
        """Whether the same raw bytes were read by the same programs: then the same choices give the same content.

        A source without a hash of its bytes may have changed, and gives False.
        """
        before = (self.source.adapter, self.source.revision, self.source.sha256, self.made_by)
        return bool(source.sha256) and before == (source.adapter, source.revision, source.sha256, made_by)


def fingerprint_of(interactions: Interactions, rule: SplitRule) -> str:
    """What distinguishes a data set from any other: 64 hexadecimal digits, the same on any machine."""
    return rule.fingerprint(interactions.fingerprint())


def describe(
    log: Log,
    interactions: Interactions,
    rule: LeaveOneOut | GlobalTime,
    settings: Settings,
    *,
    name: str,
    options: Mapping[str, Any],
    kept: Mapping[str, int],
    ordering: Ordering | None,
    made_by: Mapping[str, str],
) -> Manifest:
    """The manifest of what `prepare_split(log, settings)` gave.

    Args:
        log: where the interactions came from.
        interactions: the filtered interactions.
        rule: what holds interactions out.
        settings: the filters.
        name: what the data set is to be called.
        options: the adapter's options, JSON values.
        ordering: what orders the interactions.
        kept: interactions left after each step (`fearec_cli.data.preparing.progress.Watcher`).
        made_by: package and version of fearec and of the adapter.

    Raises:
        EmptyDataError: the split leaves nothing to train on, to validate or to test.
    """
    where = log.source.location
    counts = Statistics.of(interactions, Split.of(interactions, rule))
    _check_splits(where, rule, counts)
    return Manifest(
        name=name,
        made_by=dict(made_by),
        source=SourceRecord(options=dict(options), **asdict(log.source)),
        settings=settings,
        split=rule,
        ordering=ordering,
        kept=dict(kept),
        counts=counts,
        notes={**log.notes, **log.tally.notes},
        fingerprint=fingerprint_of(interactions, rule),
    )


def _check_splits(where: str, rule: SplitRule, counts: Statistics) -> None:
    if isinstance(rule, LeaveOneOut):
        if not counts.train.prefixes:
            raise EmptyDataError(
                f"{where}: no user has the 4 interactions that make one training prefix beside a validation and a "
                f"test target; prepare more data, or filter less of it"
            )
        return
    if not counts.train.prefixes:
        raise EmptyDataError(
            f"{where}: no user has 2 interactions before {rule.valid_from.isoformat()}, which would make one training "
            f"prefix; move --valid-from to a later time"
        )
    for name, part, remedy in (
        ("validation", counts.valid, "move --valid-from to an earlier time or --test-from to a later one"),
        ("test", counts.test, "move --test-from to an earlier time"),
    ):
        if part.targets:
            continue
        if not part.interactions:
            raise EmptyDataError(f"{where}: no interaction is left for {name} ({rule}); {remedy}")
        keep = f"--cold {_keeping(part.cold)} keeps them, or " if rule.cold != "count" else ""
        raise EmptyDataError(f"{where}: no target is left for {name} ({rule}): {part.cold}; {keep}{remedy}")


def _keeping(cold: ColdTargets) -> str:
    """The policy that keeps what was dropped, and nothing more: new users, new items, or both."""
    if not cold.items:
        return "drop-items"
    return "count" if cold.users else "drop-users"


def read_manifest(directory: Path) -> Manifest:
    """Read dataset.json alone.

    Raises:
        DataError: there is none, it is damaged, or it was written by a newer fearec.
    """
    file = directory / MANIFEST
    try:
        content = parse_json(read_bounded(file, _LARGEST), _LARGEST)
        number = content["format"]
        if isinstance(number, int) and number > FORMAT:
            raise DataError(
                f"{file}: has format {number}, written by a newer fearec, and this one reads up to {FORMAT}; "
                f"upgrade, or prepare the data again"
            )
        return Manifest.model_validate(content)
    except FileNotFoundError:
        raise DataError(
            f"{directory}: is not a prepared data set (it has no {MANIFEST}); make one by "
            f"`fearec prepare SOURCE --out {directory}`"
        ) from None
    except ValidationError as error:
        raise DataError(f"{file}: {first_fault(error)}; {REMEDY}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: is damaged ({error}); {REMEDY}") from None
