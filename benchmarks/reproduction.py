"""Published claims checked: trains what a claim names, evaluates it, and says whether its number comes out.

    python benchmarks/reproduction.py check sasrec-causal-beauty --data data --seeds 42 43
    python benchmarks/reproduction.py page

`check` trains each seed by `fearec train --seeds` into runs/reproduction/CLAIM, which goes on where it was cut, prints
the verdict and ends with status 1 where the number is not reproduced. `page` writes the table of docs/reproduction.md
from reproduction.toml. The statistics are the toolkit's own.
"""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fearec_cli.runs.seeds import read_summary
from fearec_cli.significance.student import spread

HERE = Path(__file__).parent
CLAIMS = HERE / "reproduction.toml"
PAGE = HERE.parent / "docs" / "reproduction.md"
_BEGIN, _END = "<!-- table -->\n", "<!-- end of table -->"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A published number and how it is tested.

    Attributes:
        name: of the claim.
        model: whose number it is.
        data: the data set, 5-core, leave-one-out, full ranking.
        metric: such as NDCG@10.
        protocol: that the number was published under.
        published: the number.
        samples: how a user became training samples there.
        source: where it stands.
        train: arguments of `fearec train`.
        our_samples: how a user becomes training samples here.
        tolerance: distance at which the mean of our seeds still reproduces it.
        seeds: that were run.
        ours: test metric of each.
        run: commit, machine and date of them.
        own: it is no published number but one of ours, which a change of the code must not lose.
    """

    name: str
    model: str
    data: str
    metric: str
    protocol: str
    published: float
    samples: str
    source: str
    train: Sequence[str]
    our_samples: str
    tolerance: float
    seeds: Sequence[int] = ()
    ours: Sequence[float] = ()
    run: str = ""
    own: bool = False


def read_claims(file: Path) -> list[Claim]:
    """The claims of a file; a field that is missing or unknown is an error."""
    return [Claim(**entry) for entry in tomllib.loads(file.read_text("utf-8"))["claim"]]


def verdict(claim: Claim, ours: Sequence[float]) -> str:
    """Whether the number comes out, in words."""
    if not ours:
        return "not run"
    distance = sum(ours) / len(ours) - claim.published
    if abs(distance) <= claim.tolerance:
        return "reproduced" if len(ours) > 1 else "reproduced, one seed"
    return f"not reproduced: {'higher' if distance > 0 else 'lower'} by {abs(distance):.4f}"


def number(ours: Sequence[float]) -> str:
    """Mean and Student's 95 % interval over seeds, as far as there are any."""
    if len(ours) < 2:
        return f"{ours[0]:.4f}" if ours else ""
    found = spread(ours)
    return f"{found.mean:.4f} [{found.low:.4f}, {found.high:.4f}], {found.runs} seeds"


def table(claims: Sequence[Claim]) -> str:
    """A row for each claim, and below the table where our numbers were measured."""
    rows = [
        "| claim | published | protocol | samples, theirs and ours | ours | tolerance | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for claim in claims:
        rows.append(
            f"| `{claim.name}`: {claim.model}, {claim.data}, {claim.metric}; {claim.source} | {claim.published:.4f} | "
            f"{claim.protocol} | {claim.samples}; {claim.our_samples} | {number(claim.ours)} | {claim.tolerance:.4f} | "
            f"{'kept as a promise' if claim.own else verdict(claim, claim.ours)} |"
        )
    rows.append("")
    for claim in claims:
        rows.append(f"- `{claim.name}`: `fearec train {claim.data} {' '.join(claim.train)} --seeds 5`")
        if claim.run:
            rows.append(f"  Seeds {', '.join(map(str, claim.seeds))}: {claim.run}.")
    return "\n".join(rows) + "\n"


def check(claim: Claim, data: Path, seeds: Sequence[int], runs: Path) -> bool:
    """Train and evaluate what a claim names, and print the verdict; whether it is reproduced."""
    out = runs / claim.name
    fresh = [str(data / claim.data), *claim.train]
    how = ["--resume"] if (out / "summary.json").exists() else fresh
    command = [*how, "--seeds", ",".join(map(str, seeds)), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "fearec_cli", "train", *command], check=True)
    results = read_summary(out).runs
    ours = [results[seed].test[claim.protocol][claim.metric] for seed in seeds]  # type: ignore[index]
    print(f"{claim.name}: published {claim.published:.4f}, ours {number(ours)}: {verdict(claim, ours)}")
    return abs(sum(ours) / len(ours) - claim.published) <= claim.tolerance


def write_page(claims: Sequence[Claim], page: Path) -> None:
    """Put the table into the page."""
    before, rest = page.read_text("utf-8").split(_BEGIN)
    page.write_text(before + _BEGIN + table(claims) + _END + rest.split(_END)[1], "utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Check claims, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--claims", type=Path, default=CLAIMS)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("check", help="train, evaluate and compare with what was published")
    run.add_argument("names", nargs="+", metavar="CLAIM")
    run.add_argument("--data", type=Path, default=Path("data"), help="directory of the prepared data sets")
    run.add_argument("--seeds", nargs="+", type=int, default=[42, 43, 44], help="two or more")
    run.add_argument("--runs", type=Path, default=Path("runs/reproduction"), help="directory of the runs")
    commands.add_parser("page", help="write the table of docs/reproduction.md")
    options = parser.parse_args(arguments)
    claims = {claim.name: claim for claim in read_claims(options.claims)}
    if options.command == "page":
        write_page(list(claims.values()), PAGE)
        return
    unknown = [name for name in options.names if name not in claims]
    if unknown:
        parser.error(f"no claim is called {', '.join(unknown)}; there are {', '.join(claims)}")
    found = [check(claims[name], options.data, options.seeds, options.runs) for name in options.names]
    sys.exit(0 if all(found) else 1)


if __name__ == "__main__":
    main()
