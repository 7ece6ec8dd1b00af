"""The result of an evaluation that goes into a model's card: what `fearec evaluate --json` wrote of this very file."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fearec_cli.data.settings import Target
from fearec_cli.data.split_rules import SplitRule
from fearec_cli.data.splits import SplitName
from fearec_cli.errors import DataError
from fearec_cli.evaluation.header import sha256
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.system.parsing import ParseError, first_fault, parse_json, read_bounded


class Numbers(BaseModel):
    """Numbers of one scorer.

    Attributes:
        protocols: each metric under each protocol.
        intervals: low and high end of each.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    protocols: Mapping[RankProtocol, Mapping[str, float]]
    intervals: Mapping[RankProtocol, Mapping[str, tuple[float, float]]]

    def shown(self, protocol: RankProtocol, metric: str) -> str:
        """A number with its interval; nothing where it is not there."""
        number, interval = self.protocols.get(protocol, {}).get(metric), self.intervals.get(protocol, {}).get(metric)
        if number is None or interval is None:
            return ""
        return f"{number:.4f} [{interval[0]:.4f}, {interval[1]:.4f}]"


class Evaluated(Numbers):
    """What is read of a result; it holds more.

    Attributes:
        dataset: name of the data set.
        fingerprint: of the data set.
        split: which held-out part.
        rule: what holds it out.
        target: which interactions of a user are predicted.
        targets: how many.
        users: of how many users.
        checkpoint: SHA-256 of the file that was evaluated, hexadecimal.
        baselines: numbers of each.
    """

    dataset: str
    fingerprint: str
    split: SplitName
    rule: SplitRule
    target: Target
    targets: int
    users: int
    checkpoint: str
    baselines: Mapping[str, Numbers]


def read_evaluated(path: Path, checkpoint: Checkpoint) -> Evaluated:
    """The result of a file, if it is one of this checkpoint.

    Args:
        path: what `fearec evaluate --json` wrote.
        checkpoint: the model whose card it goes into.

    Raises:
        DataError: the file cannot be read, is no such result, or is one of another checkpoint.
    """
    try:
        found = Evaluated.model_validate(parse_json(read_bounded(path)))
    except ValidationError as error:
        reason = f"is no result of `fearec evaluate --json`: {first_fault(error)}"
    except (ParseError, OSError) as error:
        reason = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    else:
        if found.checkpoint == sha256(checkpoint.path):
            return found
        reason = f"is the result of another checkpoint; evaluate {checkpoint.path} with --json"
    raise DataError(f"--result {path}: {reason}")
