"""A directory of one configuration trained with several seeds: seed-1/, seed-2/, ..., and summary.json over them.

Beside them lies run.toml with the settings that all share. summary.json is written before the first step and after
each seed, so that a directory whose training was cut names what is done and what is left.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fearec_cli.data.split_rules import SplitRule
from fearec_cli.data.splits import SplitName
from fearec_cli.errors import CheckpointError
from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.runs.directory import SUMMARY_FILE
from fearec_cli.significance.student import Spread, spread
from fearec_cli.system.atomic import atomic_file
from fearec_cli.system.parsing import ParseError, first_fault, read_bounded

TEST_FILE = "test.json"
RANKS_FILE = "test.parquet"
_LARGEST = 16 * 2**20  # of a thousand seeds
_PARTS: Sequence[SplitName] = ("valid", "test")
# A number for each metric at each k, under each protocol.
Metrics = Mapping[RankProtocol, Mapping[str, float]]


class SeedResult(BaseModel):
    """Result of one seed.

    Attributes:
        valid: of the best weights, on the validation part.
        test: of the same weights.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    valid: dict[RankProtocol, dict[str, float]]
    test: dict[RankProtocol, dict[str, float]]


class Summary(BaseModel):
    """What summary.json holds; `statistics` is computed from `runs` whenever it is written.

    Attributes:
        format: of the file.
        dataset: name of the data set.
        fingerprint: of the data set.
        rule: what holds its targets out.
        seeds: to train, in this order.
        runs: results by seed, of those that are finished.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal[1] = 1
    dataset: str
    fingerprint: str
    rule: SplitRule
    seeds: tuple[int, ...] = Field(min_length=1, max_length=1000)
    runs: dict[int, SeedResult] = {}

    def left(self) -> list[int]:
        """Seeds that are not finished."""
        return [seed for seed in self.seeds if seed not in self.runs]

    def spreads(self, part: SplitName) -> dict[RankProtocol, dict[str, Spread]]:
        """Mean, deviation and interval of every metric over the finished seeds; empty below two.

        Raises:
            EvaluationError: a metric is not a finite number.
        """
        results = [self.runs[seed].valid if part == "valid" else self.runs[seed].test for seed in sorted(self.runs)]
        if len(results) < 2:
            return {}
        return {
            protocol: {
                name: spread([result[protocol][name] for result in results])
                for name in metrics
                # Seeds that another version has evaluated may lack one.
                if all(name in result.get(protocol, {}) for result in results)
            }
            for protocol, metrics in results[0].items()
        }


def seed_directory(directory: Path, seed: int) -> Path:
    """Where the run of a seed lies."""
    return directory / f"seed-{seed}"


def is_seeds(directory: Path) -> bool:
    """Whether a directory is one of several seeds."""
    return (directory / SUMMARY_FILE).is_file()


def write_summary(directory: Path, summary: Summary) -> None:
    """Write summary.json.

    Raises:
        OutputError: it cannot be written.
        EvaluationError: a metric is not a finite number.
    """
    content = summary.model_dump(mode="json")
    content["statistics"] = {
        part: {
            protocol: {name: vars(found) for name, found in metrics.items()}
            for protocol, metrics in summary.spreads(part).items()
        }
        for part in _PARTS
    }
    with atomic_file(directory / SUMMARY_FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_summary(directory: Path) -> Summary:
    """Read summary.json.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    file = directory / SUMMARY_FILE
    try:
        return Summary.model_validate_json(read_bounded(file, _LARGEST))
    except FileNotFoundError:
        raise CheckpointError(
            f"{directory}: has no {SUMMARY_FILE}: it is not a directory of `fearec train --seeds`"
        ) from None
    except ValidationError as error:
        raise CheckpointError(f"{file}: {first_fault(error)}; train the seeds again with another --out") from None
    except (OSError, ParseError) as error:
        raise CheckpointError(f"{file}: cannot be read: {error}; train the seeds again with another --out") from None
