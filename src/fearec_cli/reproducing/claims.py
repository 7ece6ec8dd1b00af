"""The claims that can be tried, as claims.toml declares them: whose number, on what data, by which rules, and how."""

import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from fearec_cli.data.manifest import Manifest
from fearec_cli.errors import ConfigError, DataError, did_you_mean
from fearec_cli.evaluation.ranks import RankProtocol

Samples = Literal["prefixes", "all positions"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ClaimData(_Closed):
    """A data set that claims are made on.

    Attributes:
        what: which one, in words.
        get: the command that prepares it.
        source: that prepares it by itself, under data/; empty where a file has to be fetched first.
        users: that it has, and so `items` and `interactions`.
        items: likewise.
        interactions: likewise.
        fingerprint: of the prepared data set; empty where it was not at hand, and the counts have to do.
    """

    what: str
    get: str
    source: str = ""
    users: int
    items: int
    interactions: int
    fingerprint: str = ""


class Measured(_Closed):
    """What a claim gave here, before.

    Attributes:
        seeds: that were trained.
        values: test metric of each.
        how: commit, machine and date.
    """

    seeds: tuple[int, ...] = Field(min_length=1)
    values: tuple[float, ...] = Field(min_length=1)
    how: str


class Claim(_Closed):
    """A published number and how it is tried.

    Attributes:
        name: of the claim.
        model: whose number it is.
        data: name of the data set.
        metric: such as NDCG@10, on the test part, among the whole catalogue.
        protocol: that the number was published under.
        published: the number.
        samples: how a user became training samples there.
        source: where it stands.
        own: it is no published number but one of ours, which a change of the code must not lose.
        preset: what is trained for it.
        assignments: options over the preset, as `--set` takes them.
        tolerance: distance at which the mean of our seeds still reproduces it.
        why_not: why no run of ours compares with it; empty where it can be tried.
        measured: what it gave here before.
    """

    name: str = Field(pattern="^[a-z0-9-]+$")
    model: str
    data: str
    metric: str
    protocol: RankProtocol
    published: float
    samples: Samples
    source: str
    own: bool = False
    preset: str
    assignments: tuple[str, ...] = ()
    tolerance: float = Field(ge=0)
    why_not: str = ""
    measured: Measured | None = None

    @property
    def command(self) -> str:
        """What trains it, but for the seeds."""
        settings = [part for assignment in self.assignments for part in ("--set", assignment)]
        return shlex.join(["fearec", "train", self.data, "--preset", self.preset, *settings])


@dataclass(frozen=True)
class Claims:
    """All of them.

    Attributes:
        claims: in the order of the file.
        data: the data sets, by name.
    """

    claims: Sequence[Claim]
    data: dict[str, ClaimData]

    def get(self, name: str) -> Claim:
        """The claim of this name.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        names = [claim.name for claim in self.claims]
        if name not in names:
            hint = did_you_mean(name, names) or "; `fearec reproduce` lists them"
            raise ConfigError([f"no claim is called {name!r}{hint}"])
        return self.claims[names.index(name)]

    def check_data(self, claim: Claim, directory: Path, manifest: Manifest) -> None:
        """See that a prepared data set is the claim's.

        Raises:
            DataError: it is another one; says how to get the right one.
        """
        data, counts = self.data[claim.data], manifest.counts
        there = f"{counts.users:,} users, {counts.items:,} items, {counts.interactions:,} interactions"
        wanted = f"{data.users:,} users, {data.items:,} items, {data.interactions:,} interactions"
        if data.fingerprint and manifest.fingerprint != data.fingerprint:
            there += f", {manifest.split}, fingerprint {manifest.fingerprint[:12]}"
            wanted += f", leave-one-out, fingerprint {data.fingerprint[:12]}"
        elif there == wanted and manifest.split.rule == "leave-one-out":
            return
        raise DataError(
            f"{directory}: is not the data of {claim.name}: it has {there}, and the claim is of {wanted} "
            f"({data.what}); get it by `{data.get}`, and name another place by --data"
        )


def read_claims(text: str | None = None) -> Claims:
    """The claims of a TOML text; those of the package unless given.

    Raises:
        ValueError: it is not whole.
    """
    if text is None:
        text = (resources.files("fearec_cli.reproducing") / "claims.toml").read_text("utf-8")
    table = tomllib.loads(text)
    data = {name: ClaimData.model_validate(entry) for name, entry in table["data"].items()}
    claims = [Claim.model_validate(entry) for entry in table["claim"]]
    if unknown := {claim.data for claim in claims} - data.keys():
        raise ValueError(f"no data set is described for {', '.join(sorted(unknown))}")
    return Claims(claims, data)
