"""The tables and the picture of docs/results.md, from the lines of benchmarks/quality.jsonl."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import altair as alt

from fearec_cli.significance.student import spread

Line = dict[str, Any]
PROTOCOLS = ("unmasked", "seen-masked")
HEAD = (
    "| model | HR@10 | NDCG@10 | HR@10, seen-masked | NDCG@10, seen-masked | seeds | epochs | minutes | CPU minutes |"
)


def read(path: Path) -> list[Line]:
    """The results; none before the file is written."""
    return [json.loads(text) for text in path.read_text("utf-8").splitlines()] if path.exists() else []


def write(results: Path, docs: Path) -> None:
    """Put the tables between the marks of docs/results.md, and the picture beside it.

    Args:
        results: benchmarks/quality.jsonl.
        docs: directory of results.md.
    """
    lines = read(results)
    page = docs / "results.md"
    before, _, rest = page.read_text("utf-8").partition("<!-- tables -->\n")
    _, mark, after = rest.partition("<!-- end of tables -->")
    page.write_text(f"{before}<!-- tables -->\n{tables(lines)}\n{mark}{after}", "utf-8")
    picture(lines).save(docs / "pictures" / "curves.svg")


def tables(lines: Iterable[Line]) -> str:
    """A table for each data set and limit, whole runs first."""
    groups: dict[tuple[str, float, int], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line["data"], line["minutes"], line["epochs_limit"]].append(line)
    parts = []
    for group in sorted(groups):
        parts += [f"### {_title(*group)}", "", _conditions(groups[group]), "", HEAD, "|" + "---|" * 9]
        parts += [*_rows(groups[group]), ""]
    return "\n".join(parts)


def _title(data: str, minutes: float, epochs: int) -> str:
    if minutes:
        return f"{data}, {minutes:g} minutes"
    return f"{data}, {epochs} epochs" if epochs else f"{data}, to the end"


def _conditions(lines: list[Line]) -> str:
    machines, dates, commits = (sorted({line[name] for line in lines}) for name in ("machine", "date", "commit"))
    return (
        f"{lines[0]['targets']:,} test targets, {lines[0]['rule']['rule']}, full ranking. {'; '.join(machines)}; "
        f"{', '.join(dates)}; commit {', '.join(commits)}."
    )


def _rows(lines: list[Line]) -> Iterator[str]:
    entries: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        entries[line["entry"]].append(line)
    for entry, runs in entries.items():
        figures = [
            with_interval([run["protocols"][protocol][metric] for run in runs])
            for protocol in PROTOCOLS
            for metric in ("HR@10", "NDCG@10")
        ]
        times = [_minutes([run[name] for run in runs]) for name in ("seconds", "cpu_seconds")]
        epochs = ", ".join(str(run["epochs"]) for run in runs)
        yield " | ".join([f"| {entry}", *figures, str(len(runs)), epochs, *times]) + " |"
    popularity = [lines[0]["popularity"][protocol][metric] for protocol in PROTOCOLS for metric in ("HR@10", "NDCG@10")]
    yield " | ".join(["| popularity", *(f"{value:.4f}" for value in popularity), "", "", "", ""]) + " |"


def _minutes(seconds: list[float | None]) -> str:
    """Mean, in minutes; nothing where one was not measured."""
    known = [value for value in seconds if value is not None]
    return f"{sum(known) / len(known) / 60:.1f}" if len(known) == len(seconds) else ""


def with_interval(values: list[float]) -> str:
    """Mean and half the 95 % interval of the mean over seeds; a single value alone."""
    if len(values) == 1:
        return f"{values[0]:.4f}"
    found = spread(values)
    return f"{found.mean:.4f} ± {found.high - found.mean:.4f}"


def picture(lines: Iterable[Line], data: str = "beauty", epochs: int = 30) -> alt.FacetChart:
    """Validation NDCG@10 over the epochs, a line for each run, a panel for each protocol.

    Epochs, since the clock of a shared machine runs at another rate for each run; an epoch of the entries that train
    on every position costs about the same.
    """
    rows = [
        {
            "model": f"{line['entry']}, {len(line['curve'])} epochs",
            "epoch": epoch,
            "NDCG@10": point[at],
            "protocol": protocol,
        }
        for line in lines
        if line["data"] == data and line["seed"] == 42 and not line["minutes"]
        for epoch, point in enumerate(line["curve"][:epochs], 1)
        for at, protocol in enumerate(PROTOCOLS, 1)
    ]
    chart = alt.Chart(alt.Data(values=rows), width=320, height=260).mark_line(point=True)
    return chart.encode(
        x=alt.X("epoch:Q"),
        y=alt.Y("NDCG@10:Q", title="validation NDCG@10"),
        color=alt.Color("model:N", legend=alt.Legend(orient="bottom", columns=2, labelLimit=400)),
    ).facet(column=alt.Column("protocol:N", sort=list(PROTOCOLS), title=None))
