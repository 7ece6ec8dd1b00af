"""What orders a log: times, or the order of the source where they say nothing; counted, so that it can be judged."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

# The share of the steps that go one way before the source is said to run that way.
_MOSTLY = 0.9


class Ordering(BaseModel):
    """How much of the order of the interactions that were kept is the source's.

    Attributes:
        by: what orders a user's interactions before their place in the source does.
        tied: interactions that nothing but their place in the source tells from another of the same user.
        tied_last: users whose last interaction is one of them.
        forward: steps from a row of a user to the user's next one in the source that go forward in time (or count).
        backward: steps that go back.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: tuple[Literal["time", "count"], ...]
    tied: int = 0
    tied_last: int = 0
    forward: int = 0
    backward: int = 0

    def plus(self, *, tied: int, tied_last: int, forward: int, backward: int) -> "Ordering":
        """The same with the counts of more users."""
        return Ordering(
            by=self.by,
            tied=self.tied + tied,
            tied_last=self.tied_last + tied_last,
            forward=self.forward + forward,
            backward=self.backward + backward,
        )

    @property
    def direction(self) -> Literal["oldest first", "newest first", "neither"]:
        """Which way the rows of a user run in the source, in the order in which it was asked to be read."""
        steps = self.forward + self.backward
        if self.forward >= _MOSTLY * steps:
            return "oldest first"
        return "newest first" if self.backward >= _MOSTLY * steps else "neither"
