"""All claims as data and as a table: what each gave here, and the command that tries it."""

import json
from typing import Any

from fearec_cli.components.registry import Registry
from fearec_cli.config import load_recipe
from fearec_cli.reproducing.claims import Claim, Claims
from fearec_cli.reproducing.trial import samples_of
from fearec_cli.reproducing.verdict import Ours, judge, ours


def before(claim: Claim) -> Ours | None:
    """What a claim gave here before; None where it was not tried."""
    return ours(claim.measured.values) if claim.measured else None


def state(claim: Claim) -> str:
    """What is known of a claim here, in words."""
    if claim.why_not:
        return "not comparable"
    found = before(claim)
    if found is None:
        return "not run"
    return f"{found.mean:.4f}, {found.seeds} seeds" + ("" if claim.own else f": {judge(claim, found)[0]}")


def claims_json(claims: Claims, registry: Registry) -> str:
    """`{"claims": [{...}]}`, every field of each, with its command and our sample rule."""
    rows: list[dict[str, Any]] = []
    for claim in claims.claims:
        rows.append(
            {**claim.model_dump(mode="json"), "command": claim.command, "our_samples": _samples(claim, registry)}
        )
    return json.dumps({"claims": rows}, indent=2) + "\n"


def claims_markdown(claims: Claims, registry: Registry) -> str:
    """A row a claim; below the table its command, and where our numbers were measured."""
    rows = [
        "| claim | published | protocol | samples, theirs and ours | ours | tolerance | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    notes = []
    for claim in claims.claims:
        found = before(claim)
        verdict = "kept as a promise" if claim.own else "not comparable" if claim.why_not else judge(claim, found)[0]
        number = f"{found.mean:.4f} [{found.interval.low:.4f}, {found.interval.high:.4f}]" if found else ""
        number += f", {found.seeds} seeds" if found else ""
        rows.append(
            f"| `{claim.name}`: {claim.model}, {claim.data}, {claim.metric}; {claim.source} | {claim.published:.4f} | "
            f"{claim.protocol} | {claim.samples}; {_samples(claim, registry)} | {number} | {claim.tolerance:.4f} | "
            f"{verdict} |"
        )
        notes.append(f"- `{claim.name}`: " + (claim.why_not or f"`{claim.command} --seeds 42,43,44`"))
        if claim.measured:
            notes.append(f"  Seeds {', '.join(map(str, claim.measured.seeds))}: {claim.measured.how}.")
    return "\n".join([*rows, "", *notes]) + "\n"


def _samples(claim: Claim, registry: Registry) -> str:
    return samples_of(load_recipe(registry, preset=claim.preset, assignments=claim.assignments))
