"""Published claims and what became of them, printed."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fearec_cli.cli.show.console import print_pairs
from fearec_cli.reproducing.claims import Claim, Claims, Samples
from fearec_cli.reproducing.listing import state
from fearec_cli.reproducing.trial import Reproduction


def claims_table(claims: Claims) -> Table:
    """A row a claim: what is claimed by which rules, where it stands, and what it gave here before."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("claim", overflow="fold", min_width=12)
    table.add_column("number", overflow="fold", min_width=14)
    table.add_column("rules", overflow="fold", min_width=13)
    table.add_column("source", overflow="fold")
    table.add_column("here", overflow="fold")
    for claim in claims.claims:
        number = f"{claim.model}, {claim.data}\n{claim.metric} {claim.published:.4f}"
        rules = f"{claim.protocol}\n{claim.samples}"
        table.add_row(*map(Text, (claim.name, number, rules, claim.source, state(claim))))
    return table


def print_claim(console: Console, claim: Claim, samples: Samples) -> None:
    """What is about to be tried."""
    print_pairs(
        console,
        {
            "claim": f"{claim.name}: {claim.model} on {claim.data}, test {claim.metric}",
            "source": claim.source,
            "published": f"{claim.published:.4f}, {claim.protocol}, trained on {claim.samples}",
            "here": f"{claim.protocol}, trained on {samples}: {claim.command}",
        },
    )


def print_verdict(console: Console, found: Reproduction) -> None:
    """What came of it."""
    ours = "nothing was trained" if found.found is None else str(found.found)
    if found.verdict == "not finished" and found.found is not None:
        ours += "; provisional"
    print_pairs(console, {"ours": ours, "verdict": f"{found.verdict}: {found.why}"})
