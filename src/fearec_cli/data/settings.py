"""What `prepare` keeps of a log."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from fearec_cli.data.split_rules import SplitSettings


def _moment(value: Any) -> Any:
    """ISO 8601 text in UTC, in one form: the same moment is the same choice, however it is written."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(f"{value!r} is no ISO 8601 time; write 2019-01-31 or 2019-01-31T12:00:00") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat() + "Z"


Moment = Annotated[str, BeforeValidator(_moment)]


class Settings(SplitSettings):
    """What `prepare` keeps of a log, and how it is split. The filters run in the order in which they stand here."""

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
        0, ge=0, description="drop users with fewer interactions than this, after the k-core; 0 keeps all"
    )
    max_users: int = Field(
        0, ge=0, description="keep a random sample of this many users, after all other filters; 0 keeps all"
    )
    seed: int = Field(0, ge=0, description="another seed draws another sample of users")

    @model_validator(mode="after")
    def _core_of_training(self) -> "Settings":
        if self.core_on == "training" and self.split != "global-time":
            raise ValueError(
                "--core-on training needs --split global-time: under leave-one-out, what is for training hangs on what "
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
