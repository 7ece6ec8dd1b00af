"""The content of the pages: of one inspection, and of a whole run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fearec_cli.data.prepared import Prepared
from fearec_cli.evaluation.report import MODEL, Number, Report
from fearec_cli.insight.inspection import Inspection
from fearec_cli.insight.page.figures import Figure, Row, curves, figures
from fearec_cli.insight.page.html import Section, page
from fearec_cli.insight.sentences import sentences
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.system.parsing import full_names

# Keys of the figures of each section, by their beginning.
_SECTIONS = (
    ("frequencies", "Frequencies", ("filters", "energy")),
    ("periods", "Periods", ("returns", "delays")),
    ("distances", "Distances", ("biases", "repeats")),
    ("branches", "Branches", ("weights", "gains")),
    ("one-user", "One user", ("user",)),
)


def inspection_page(checkpoint: Checkpoint, prepared: Prepared, inspection: Inspection) -> str:
    """The page of `fearec inspect --html`."""
    return page(f"Inside a model of {prepared.name}", _subtitle(checkpoint), list(_inside(inspection)))


def report_page(
    name: str,
    checkpoint: Checkpoint,
    prepared: Prepared,
    report: Report,
    records: Sequence[Mapping[str, Any]],
    inspection: Inspection,
) -> str:
    """The page of `fearec report`.

    Args:
        name: of the run.
        checkpoint: its best weights.
        prepared: its data set.
        report: of its test targets.
        records: lines of metrics.jsonl.
        inspection: of its model.
    """
    counts = prepared.manifest.counts
    statistics: dict[str, object] = {
        "users": f"{counts.users:,}",
        "items": f"{counts.items:,}",
        "interactions": f"{counts.interactions:,}",
        "first": counts.first or "no times",
        "last": counts.last or "no times",
        "split": str(report.header.rule),
        "fingerprint": prepared.fingerprint,
    }
    named = full_names(checkpoint.recipe.config.model_dump(mode="json"))
    settings = [{"setting": key, "value": str(value)} for key, value in named.items()]
    rows = [{"what": key, "value": text} for key, text in statistics.items()]
    sections = [
        Section("results", "Results", [_against_baselines(report)], [*_results(report), *_slices(report)]),
        Section("learning", "Learning", figures=list(_learning(records))),
        *_inside(inspection),
        Section("data", "Data", tables=[("data set", rows)]),
        Section("settings", "Settings", tables=[("settings", settings)]),
    ]
    return page(f"Run {name}", _subtitle(checkpoint), sections)


def _subtitle(checkpoint: Checkpoint) -> str:
    info, config = checkpoint.info, checkpoint.recipe.config
    return (
        f"{config.attention} on filter {config.filter}, fusion {config.fusion}, loss {config.loss}; trained on "
        f"{info.dataset} for {info.step:,} steps, seed {config.training.seed}"
    )


def _inside(inspection: Inspection) -> Iterator[Section]:
    yield Section("findings", "Findings", sentences(inspection))
    pictures = figures(inspection)
    for key, title, beginnings in _SECTIONS:
        own = [figure for figure in pictures if figure.key.startswith(beginnings)]
        tables: list[tuple[str, Sequence[Row]]] = []
        if key == "one-user" and inspection.user is not None:
            tables = list(_user_tables(inspection))
        if own or tables:
            yield Section(key, title, tables=tables, figures=own)


def _user_tables(inspection: Inspection) -> Iterator[tuple[str, Sequence[Row]]]:
    user = inspection.user
    assert user is not None  # the caller looks
    longest = max(map(len, user.recommended.values()))
    yield (
        "recommended by the whole model and by each branch alone",
        [
            {"rank": rank + 1, **{by: items[rank] for by, items in user.recommended.items() if rank < len(items)}}
            for rank in range(longest)
        ],
    )
    yield (
        "delays chosen for the last item",
        [
            {
                "layer": delay.layer + 1,
                "items back": delay.back,
                "item": user.items[delay.position],
                "weight": delay.weight,
            }
            for delay in user.delays
            if delay.position < len(user.items)
        ],
    )


def _results(report: Report) -> Iterator[tuple[str, Sequence[Row]]]:
    for protocol in report.protocols:
        found = {who: numbers[protocol] for who, numbers in report.numbers.items()}
        rows = [
            {"metric": name, **{who: _with_interval(numbers[name]) for who, numbers in found.items()}}
            for name in found[MODEL]
        ]
        yield f"test targets, {protocol}, each number with its 95 % interval over the users", rows


def _slices(report: Report) -> Iterator[tuple[str, Sequence[Row]]]:
    name = f"NDCG@{report.main_k}"
    for protocol in report.protocols:
        rows = [
            {
                "by": part.by,
                "targets": part.name,
                "how many": f"{len(part.rows):,}",
                **{who: _with_interval(found[protocol][name]) for who, found in report.numbers_of(part).items()},
            }
            for part in report.slices
        ]
        if rows:
            yield f"{name}, {protocol}, by kinds of targets", rows


def _with_interval(number: Number) -> str:
    return f"{number.value:.4f} [{number.low:.4f}, {number.high:.4f}]"


def _against_baselines(report: Report) -> str:
    """The model beside the best of the baselines; where intervals overlap, neither is ahead."""
    name, protocol = f"NDCG@{report.main_k}", report.protocols[0]
    found = {who: numbers[protocol][name] for who, numbers in report.numbers.items()}
    model = found.pop(MODEL)
    best = max(found, key=lambda who: found[who].value)
    verdict = (
        "above"
        if model.low > found[best].high
        else "below"
        if model.high < found[best].low
        else "not distinguished from"
    )
    return (
        f"{name} of the model is {_with_interval(model)}, {verdict} that of the best baseline, {best}, "
        f"{_with_interval(found[best])} ({protocol}, test)."
    )


def _learning(records: Sequence[Mapping[str, Any]]) -> Iterator[Figure]:
    # An objective that is one term of weight 1 is that term.
    objective = any(list(record["terms"].values()) != [record["loss"]] for record in records)
    terms = [
        {"step": record["step"], "term": term, "loss": value}
        for record in records
        for term, value in {**({"objective": record["loss"]} if objective else {}), **record["terms"]}.items()
    ]
    if terms:
        text = "Means over each epoch; terms before their weights." if objective else "Means over each epoch."
        yield curves("losses", "Losses", text, terms, "step", "loss", "term")
    valid = [
        {"step": record["step"], "protocol": protocol, "NDCG@10": metrics["NDCG@10"]}
        for record in records
        for protocol, metrics in record["valid"].items()
        if "NDCG@10" in metrics
    ]
    if valid:
        yield curves("validation", "Validation", "After each epoch.", valid, "step", "NDCG@10", "protocol", zero=True)
