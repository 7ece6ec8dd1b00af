"""A claim tried: its data set checked or prepared, each seed trained to its end and evaluated, the verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fearec_cli.config import Recipe
from fearec_cli.data.prepared import DATA, Prepared, is_prepared, open_prepared
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.devices.placement import choose_device
from fearec_cli.errors import DataError, OutputError
from fearec_cli.evaluation.intervals import Interval
from fearec_cli.evaluation.report import MODEL, Number
from fearec_cli.reproducing.claims import Claim, Claims, Samples
from fearec_cli.reproducing.verdict import Ours, Verdict, judge, not_comparable, ours
from fearec_cli.runs.seeds import seed_directory
from fearec_cli.training.reporting import Reporter, Stop, StopReason
from fearec_cli.training.run import train
from fearec_cli.training.seeds import evaluate_run

RESULT_FILE = "reproduction.json"
# What cuts a run short of what the claim's settings ask for.
_CUT = ("time-limit", "interrupted")


@dataclass(frozen=True)
class SeedTried:
    """One seed of a claim.

    Attributes:
        seed: of the run.
        reason: what ended it.
        number: the claim's metric on the test part, with its interval over the users; None where it was interrupted.
    """

    seed: int
    reason: StopReason
    number: Number | None

    @property
    def finished(self) -> bool:
        """Whether it went to the end that the settings name."""
        return self.reason not in _CUT


@dataclass(frozen=True)
class Reproduction:
    """What a claim came to.

    Attributes:
        claim: the claim.
        fingerprint: of the data set; empty where nothing was tried.
        samples: how a user became training samples here.
        seeds: those that were tried.
        found: our number, over the seeds that have one; of runs that were cut it is provisional.
        verdict: whether the number comes out.
        why: in words.
    """

    claim: Claim
    fingerprint: str
    samples: Samples
    seeds: Sequence[SeedTried]
    found: Ours | None
    verdict: Verdict
    why: str

    def to_json(self) -> dict[str, Any]:
        """As JSON values: the claim, what ours was trained and judged by, every seed, and the verdict."""
        return {
            "claim": self.claim.model_dump(mode="json", exclude={"measured"}),
            "command": self.claim.command,
            "fingerprint": self.fingerprint,
            "samples": self.samples,
            "protocol": self.claim.protocol,
            "seeds": [
                {
                    "seed": each.seed,
                    "reason": each.reason,
                    "finished": each.finished,
                    "value": None if each.number is None else each.number.value,
                    "interval": None if each.number is None else [each.number.low, each.number.high],
                }
                for each in self.seeds
            ],
            "mean": None if self.found is None else self.found.mean,
            "interval": None if self.found is None else list(self.found.interval),
            "verdict": self.verdict,
            "why": self.why,
        }


def samples_of(recipe: Recipe) -> Samples:
    """How a user becomes training samples by these settings."""
    return "all positions" if recipe.training.targets == "all" else "prefixes"


def data_of(claims: Claims, claim: Claim, directory: Path | None = None) -> Prepared:
    """The data set of a claim, opened; prepared first where its source needs no file.

    Args:
        claims: all of them.
        claim: the one.
        directory: where it lies; data/NAME unless given.

    Raises:
        DataError: it is not there, or another one is; says how to get it.
    """
    data = claims.data[claim.data]
    place = directory or DATA / claim.data
    if is_prepared(place):
        prepared = open_prepared(place)
    elif data.source and not place.exists():
        prepared = prepare_source(data.source, out=place)[0]
    else:
        raise DataError(
            f"{place}: no data set is prepared there, and {claim.name} needs {data.what}: get it by `{data.get}`, or "
            "name its place by --data"
        )
    claims.check_data(claim, place, prepared.manifest)
    return prepared


def without_trial(claim: Claim, samples: Samples) -> Reproduction | None:
    """The verdict of a claim that no run of ours compares with; None where one does."""
    why = not_comparable(claim, samples)
    return Reproduction(claim, "", samples, (), None, "not comparable", why) if why else None


def try_claim(
    claim: Claim,
    recipe: Recipe,
    prepared: Prepared,
    directory: Path,
    *,
    seeds: Sequence[int],
    make_reporter: Callable[[int], Reporter],
    stop: Stop,
) -> Reproduction:
    """Train each seed to its end, or to what cuts it, and judge. What is there goes on; what is done stays.

    Args:
        claim: the claim.
        recipe: of its settings, with a time limit for each seed where one is wanted.
        prepared: its data set.
        directory: gets seed-N/ for each seed.
        seeds: one or more.
        make_reporter: gives the follower of the run of a seed.
        stop: asks the run under way to end, and no other to begin.

    Raises:
        OutputError: the directory holds something else.
        FearecError: what `train` raises.
    """
    _check_place(directory)
    tried: list[SeedTried] = []
    device = choose_device(recipe.training.device)
    for seed in seeds:
        own = seed_directory(directory, seed)
        outcome = train(
            recipe.with_training(seed=seed),
            prepared,
            directory=own,
            resume=True,  # which begins where nothing stands
            reporter=make_reporter(seed),
            stop=stop,
        )
        assert outcome is not None  # a single process
        number = None
        if outcome.best is not None and outcome.reason != "interrupted":
            _, report = evaluate_run(own, prepared, device)
            number = report.numbers[MODEL][claim.protocol][claim.metric]
        tried.append(SeedTried(seed, outcome.reason, number))
        if stop.requested:
            break
    numbers = [each.number for each in tried if each.number is not None]
    of_users = Interval(numbers[0].low, numbers[0].high) if numbers else None
    found = ours([number.value for number in numbers], of_users)
    cut = [each for each in tried if not each.finished]
    left = len(seeds) - len(tried)
    if cut or left:
        parts = [f"seed {each.seed} was cut by {each.reason}" for each in cut]
        parts += [f"{left} of {len(seeds)} seeds were not begun"] if left else []
        verdict: tuple[Verdict, str] = ("not finished", "; ".join(parts))
    else:
        verdict = judge(claim, found)
    return Reproduction(claim, prepared.fingerprint, samples_of(recipe), tried, found, *verdict)


def _check_place(directory: Path) -> None:
    if directory.exists() and not (
        directory.is_dir()
        and all(entry.name.startswith((".", "seed-")) or entry.name == RESULT_FILE for entry in directory.iterdir())
    ):
        raise OutputError(f"{directory}: holds something other than runs of a claim; choose another --out")
