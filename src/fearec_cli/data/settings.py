"""What `prepare` keeps of a log, and how it splits it, as the user asks for it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from fearec_cli.api import Options

Target = Literal["last", "first", "all", "random"]
ColdPolicy = Literal["drop", "drop-users", "drop-items", "count"]

_DEFAULTS: Mapping[str, Any] = {"valid_from": 0.8, "test_from": 0.9, "target": "last", "cold": "drop"}


def _moment(value: Any) -> Any:
    """ISO 8601 text in UTC, in one form: the same moment is the same choice, however it is written."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{value!r} is not an ISO 8601 time; write 2019-01-31 or 2019-01-31T12:00:00") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat() + "Z"


Moment = Annotated[str, BeforeValidator(_moment)]


def _read_boundary(value: object) -> object:
    """A share of the interactions as a number, or a moment; text is either, ISO 8601 in UTC unless it names a zone."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        share = float(str(value))
    except ValueError:
        share = None
    if share is not None and 0 < share < 1:
        return share
    try:
        moment = datetime.fromisoformat(str(value)) if share is None else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("must be a share of the interactions such as 0.8, or a UTC time such as 2021-08-11T00:57:00")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Boundary = Annotated[float | datetime, BeforeValidator(_read_boundary)]


class SplitSettings(Options):
    """How interactions are to be held out, as the user asks for it.

    With `global-time`, what is not given takes its default here, so that the record is complete.
    """

    split: Literal["leave-one-out", "global-time"] = Field(
        "leave-one-out", description="hold out each user's last two interactions, or all from a moment on"
    )
    valid_from: Boundary | None = Field(
        None, description="global-time: where validation starts, a share of the interactions or a UTC time"
    )
    test_from: Boundary | None = Field(None, description="global-time: where testing starts, likewise")
    target: Target | None = Field(
        None,
        description="global-time: which of a user's interactions in a period are predicted; random is the best "
        "stand-in for predicting one after another",
    )
    cold: ColdPolicy | None = Field(
        None,
        description="global-time: drop targets whose user or item training never met, those of new users or of new "
        "items alone, or keep and count all",
    )
    seed: int = Field(0, ge=0, description="another seed draws other random targets, and another sample of users")

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("split") == "global-time":
            return {**values, **{name: default for name, default in _DEFAULTS.items() if values.get(name) is None}}
        return values

    @model_validator(mode="after")
    def _agree(self) -> "SplitSettings":
        given = [name for name in _DEFAULTS if getattr(self, name) is not None]
        if self.split == "leave-one-out" and given:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"{flags} needs --split global-time")
        start, end = self.valid_from, self.test_from
        # Whether a share comes before a time is only known with the log.
        if (isinstance(start, float) and isinstance(end, float) and start >= end) or (
            isinstance(start, datetime) and isinstance(end, datetime) and start >= end
        ):
            raise ValueError("--valid-from must come before --test-from")
        return self

    @property
    def shortest(self) -> int:
        """Interactions that every user must have: leave-one-out needs one each to train on, to validate and to test."""
        return 3 if self.split == "leave-one-out" else 1


class Settings(SplitSettings):
    """What `prepare` keeps of a log, and how it is split. The filters run in the order in which they are declared
    here."""

    order: Literal["oldest-first", "newest-first"] = Field(
        "oldest-first", description="of the source's rows, where a user's have no times or equal ones"
    )
    min_rating: float | None = Field(
        None, description="keep interactions of this rating or higher; all of them when none"
    )
    since: Moment | None = Field(None, description="keep interactions at this time or later, ISO 8601, UTC")
    until: Moment | None = Field(None, description="keep interactions before this time, ISO 8601, UTC")
    deduplicate: Literal["none", "all", "consecutive"] = Field(
        "none",
        description="all: keep only the earliest of repeated user-item pairs; consecutive: of an item that a user "
        "repeats without another between, keep the first",
    )
    k_core: int = Field(
        5, ge=0, description="keep users and items with this many interactions among themselves; 0 keeps all"
    )
    user_core: int | None = Field(None, ge=0, description="the same for users alone; as k_core when none")
    item_core: int | None = Field(None, ge=0, description="the same for items alone; as k_core when none")
    core_on: Literal["all", "training"] = Field(
        "all",
        description="training: look for the core in the training part, and keep its users and items at all times; "
        "needs global-time",
    )
    min_length: int = Field(
        0,
        ge=0,
        description="drop users with fewer interactions than this (in the training part, if the core is looked for "
        "there), after the k-core; 0 keeps all",
    )
    max_users: int = Field(
        0, ge=0, description="keep a random sample of this many users, after all other filters; 0 keeps all"
    )

    @model_validator(mode="after")
    def _core_of_training(self) -> "Settings":
        if self.core_on == "training" and self.split != "global-time":
            raise ValueError(
                "--core-on training needs --split global-time: under leave-one-out, the training part depends on what "
                "is kept"
            )
        return self

    @property
    def cores(self) -> tuple[int, int]:
        """Interactions that a user and an item need."""
        user, item = self.user_core, self.item_core
        return self.k_core if user is None else user, self.k_core if item is None else item


def microseconds(moment: str) -> int:
    """Since 1970 UTC, of a `Settings.since` or `until`."""
    since = datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
