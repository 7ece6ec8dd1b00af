"""What holds interactions out: the user's request, and the rule that it becomes on a given log.

Two rules, which answer different questions (docs/data.md):

- `leave-one-out` holds out each user's last two interactions. It is what papers compare on, and it lets
  training see other users' future (Ji et al., arXiv 2010.11060).
- `global-time` cuts the log at two moments, so that nothing is learned from what happened after the first
  (Gusak et al., "Time to Split", arXiv 2507.16289).
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from fearec_cli.data.settings import ColdPolicy, SplitSettings, Target
from fearec_cli.errors import DataError, EmptyDataError

Times = TypeVar("Times", npt.NDArray[np.int64], pl.Expr)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LeaveOneOut(BaseModel):
    """The last interaction of each user is the test target, the one before it the validation target."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["leave-one-out"] = "leave-one-out"

    def fingerprint(self, content: str) -> str:
        """The content's own: the rule has no choice in it."""
        return content

    def __str__(self) -> str:
        return self.rule


class GlobalTime(BaseModel):
    """Training before one moment, validation from there to another, testing from there on.

    Attributes:
        valid_from: t1; all before it is for training.
        test_from: t2; validation is what lies in [t1, t2), testing what comes at t2 or later.
        target: which of a user's interactions in a period are predicted. The history of a target is all
            that precedes it, so that `all` is successive evaluation in the words of arXiv 2507.16289.
        cold: which targets are dropped whose user or item has no interaction in training.
        seed: of the draw, where the target is `random`; 0 otherwise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["global-time"] = "global-time"
    valid_from: datetime
    test_from: datetime
    target: Target
    cold: ColdPolicy
    seed: int = 0

    @property
    def drops_new_users(self) -> bool:
        """Whether a target whose user has no interaction in training is dropped."""
        return self.cold in ("drop", "drop-users")

    @property
    def drops_new_items(self) -> bool:
        """Whether a target whose item has no interaction in training is dropped."""
        return self.cold in ("drop", "drop-items")

    @property
    def boundaries(self) -> tuple[int, int]:
        """t1 and t2 in microseconds since 1970 UTC."""
        start, end = ((moment - _EPOCH) // timedelta(microseconds=1) for moment in (self.valid_from, self.test_from))
        return start, end

    def in_training(self, times: Times) -> Any:
        """Which interactions training may see, of their times in microseconds: a mask, or a polars expression."""
        return times < self.boundaries[0]

    def fingerprint(self, content: str) -> str:
        """SHA-256 of the content's fingerprint with the rule: another split is another data set."""
        start, end = self.boundaries
        target = f"random-{self.seed}" if self.target == "random" else self.target
        return hashlib.sha256(f"{content} {self.rule} {start} {end} {target} {self.cold}".encode()).hexdigest()

    def __str__(self) -> str:
        start, end = (moment.isoformat().replace("+00:00", "Z") for moment in (self.valid_from, self.test_from))
        drawn = f" (seed {self.seed})" if self.target == "random" else ""
        return f"{self.rule}, valid from {start}, test from {end}, target {self.target}{drawn}, cold {self.cold}"


SplitRule = Annotated[LeaveOneOut | GlobalTime, Field(discriminator="rule")]


def resolve(settings: SplitSettings, times: npt.NDArray[np.int64] | None, where: str) -> LeaveOneOut | GlobalTime:
    """The rule that is asked for, its moments found in the log.

    A share q stands for the time of the interaction at place floor(q T) in the order of time, the first one
    being at 0: at most that share of the T interactions comes before it, equal times being kept together.

    Args:
        settings: what is asked for.
        times: int64 [T], microseconds, in any order; None where the log has none.
        where: the log's name, for the messages.

    Raises:
        DataError: there are no times.
        EmptyDataError: no time lies between the two moments.
    """
    if settings.split == "leave-one-out":
        return LeaveOneOut()
    if times is None:
        raise DataError(
            f"{where}: has no times, and --split global-time needs them; read a column of times, or use "
            f"--split leave-one-out"
        )
    wanted = cast("tuple[float | datetime, float | datetime]", (settings.valid_from, settings.test_from))
    places = [int(share * len(times)) for share in wanted if isinstance(share, float)]
    ordered = np.partition(times, places) if places else times
    found = (ordered[int(value * len(times))] if isinstance(value, float) else value for value in wanted)
    try:
        start, end = (
            value if isinstance(value, datetime) else _EPOCH + timedelta(microseconds=int(value)) for value in found
        )
    except OverflowError:
        raise DataError(f"{where}: a time lies beyond the year 9999; is its unit right?") from None
    rule = GlobalTime.model_validate(
        {
            "valid_from": start,
            "test_from": end,
            "target": settings.target,
            "cold": settings.cold,
            "seed": settings.seed if settings.target == "random" else 0,
        }
    )
    if start >= end:
        raise EmptyDataError(
            f"{where}: validation would begin at {start.isoformat()} and end at {end.isoformat()}, before anything "
            f"happens; move --valid-from and --test-from apart"
        )
    return rule
