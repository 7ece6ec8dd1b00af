"""What a result was measured on: numbers are comparable only with it."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from fearec_cli.data.prepared import Prepared
from fearec_cli.data.settings import Target
from fearec_cli.data.split_rules import LeaveOneOut, SplitRule
from fearec_cli.data.splits import ColdTargets, HeldOut, SplitName

TIES = "an item of equal score counts as better"


class Scored(BaseModel):
    """The model that gave the ranks, and how it was trained.

    Attributes:
        checkpoint: SHA-256 of its file, hexadecimal; empty where the file is gone.
        preset: the one that its settings are closest to, and those that differ.
        seed: of its training.
        samples: what a training sample was: "prefixes" with one target each, or "all positions" of a window.
        loss: terms of its objective.
        device: that ranked.
        seconds: that the ranking took.
    """

    model_config = ConfigDict(frozen=True)

    checkpoint: str
    preset: str
    seed: int
    samples: str
    loss: str
    device: str
    seconds: float


class Header(BaseModel):
    """Data, protocol and model of a result.

    Attributes:
        dataset: name of the data set.
        fingerprint: of the prepared data set: only results on the same data are compared.
        split: which part is held out.
        rule: what holds it out.
        target: which of a user's interactions in the part are predicted.
        ties: what equal scores do to a rank.
        items: I, of the catalogue: every target is ranked among all of them.
        targets: P, how many.
        users: of how many users.
        cold: what training never met, and what of it was dropped.
        repeated: targets that are in their own history.
        leaked: targets of the part that lie before the last training interaction of any user: what training could learn
            from their future. None without times.
        tied: targets that share their time with the interaction before or after, whose order is the file's. None
            without times.
        model: what gave the ranks.
    """

    model_config = ConfigDict(frozen=True)

    dataset: str
    fingerprint: str
    split: SplitName
    rule: SplitRule
    target: Target
    ties: str = TIES
    items: int
    targets: int
    users: int
    cold: ColdTargets
    repeated: int
    leaked: int | None
    tied: int | None
    model: Scored

    @classmethod
    def of(cls, prepared: Prepared, held_out: HeldOut, repeated: npt.NDArray[np.bool_], model: Scored) -> "Header":
        """The facts of a result.

        Args:
            prepared: the data set.
            held_out: the targets.
            repeated: [P] which of them are in their own history.
            model: what ranked them.
        """
        rule = prepared.split.rule
        return cls(
            dataset=prepared.name,
            fingerprint=prepared.fingerprint,
            split=held_out.split,
            rule=rule,
            target="last" if isinstance(rule, LeaveOneOut) else rule.target,
            items=prepared.n_items,
            targets=len(held_out),
            users=len(np.unique(held_out.users)),
            cold=held_out.cold,
            repeated=int(repeated.sum()),
            leaked=_leaked(prepared, held_out),
            tied=_tied(prepared, held_out),
            model=model,
        )

    def lines(self) -> list[str]:
        """What is printed above the numbers: one fact or a few alike on each line."""
        held_out = f"{self.targets:,} targets"
        if self.users != self.targets:
            held_out += f" of {self.users:,} users"
        shares = [f"{self._share(self.repeated)} are in their own history"]
        if self.leaked is not None:
            shares.append(f"{self._share(self.leaked)} lie before the last training interaction")
        if self.tied is not None:
            shares.append(f"{self._share(self.tied)} tie in time with a neighbour")
        model = self.model
        lines = [
            f"{self.dataset}, {self.split}, {held_out}; fingerprint {self.fingerprint[:12]}",
            f"{self.rule}; target {self.target}; {self.ties}",
            f"of the targets {', '.join(shares)}",
            f"trained on {model.samples}, loss {model.loss}, preset {model.preset}",
            f"seed {model.seed}, checkpoint {model.checkpoint[:12]}, {model.device}, {model.seconds:.1f} s",
        ]
        if self.cold.users or self.cold.items or self.cold.dropped:
            lines.insert(2, str(self.cold))
        return lines

    def _share(self, count: int) -> str:
        return f"{count:,} ({count / self.targets:.1%})"


def sha256(file: Path) -> str:
    """SHA-256 of a file, as `sha256sum` gives it."""
    import hashlib

    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _leaked(prepared: Prepared, held_out: HeldOut) -> int | None:
    times, (starts, ends) = prepared.timestamps, prepared.split.bounds("train")
    if times is None:
        return None
    # A user's interactions are oldest first: the last of each is enough.
    last = int(times[ends[ends > starts] - 1].max(initial=np.iinfo(np.int64).min))
    return int((times[held_out.targets] < last).sum())


def _tied(prepared: Prepared, held_out: HeldOut) -> int | None:
    times, offsets = prepared.timestamps, prepared.offsets
    if times is None:
        return None
    at, targets = times[held_out.targets], held_out.targets
    # A target has a history, so there is an interaction before it.
    follows = np.minimum(targets + 1, len(times) - 1)
    tied = (times[targets - 1] == at) | ((targets + 1 < offsets[held_out.users + 1]) & (times[follows] == at))
    return int(tied.sum())
