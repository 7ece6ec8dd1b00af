"""The card of a model on the Hub: what its checkpoint records, in Markdown."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fearec_cli.evaluation.ranks import RankProtocol
from fearec_cli.runs.checkpoint import Checkpoint
from fearec_cli.serving.evaluated import Evaluated, Numbers
from fearec_cli.system.text import value

_NOT_STATED = "not stated by who published this model; ask for it before you use the item ids"


def model_card(
    checkpoint: Checkpoint,
    repository: str,
    *,
    license_: str | None = None,
    data_license: str | None = None,
    evaluated: Evaluated | None = None,
) -> str:
    """A card from the checkpoint's own metadata, and from an evaluation of it.

    Args:
        checkpoint: the model.
        repository: OWNER/NAME that it goes to.
        license_: of the weights, as the Hub names it.
        data_license: of the data, in words.
        evaluated: its numbers on held-out targets, with intervals.
    """
    info = checkpoint.info
    header = {
        "library_name": "fearec",
        "tags": ["recommendation", "sequential-recommendation", "fearec"],
        **({"license": license_} if license_ else {}),
    }
    # JSON is YAML, and quotes whatever a data set's name may hold.
    lines = ["---", *(f"{name}: {json.dumps(content)}" for name, content in header.items()), "---", ""]
    lines += [f"# {_text(repository)}", "", "A sequential recommender, trained and checked by fearec.", ""]
    lines += ["```console", f"$ fearec recommend hub:{repository} --history ID,ID,ID", "```", ""]
    lines += ["## Data", "", *_table(_data(checkpoint, data_license)), ""]
    if evaluated is not None:
        lines += ["## Test" if evaluated.split == "test" else "## Held out", "", *_evaluation(evaluated), ""]
    lines += ["## Validation", "", *_metrics(info.metrics), ""]
    lines += ["## Components", "", *_table(_components(checkpoint)), ""]
    # A fence that nothing inside can close: a setting is a TOML literal, whose lines begin with a name or a bracket.
    lines += ["## Settings", "", "````toml", info.config.strip().replace("````", "` ` ` `"), "````", ""]
    return "\n".join(lines)


def _data(checkpoint: Checkpoint, data_license: str | None) -> Iterator[tuple[str, str]]:
    info = checkpoint.info
    yield "data set", info.dataset
    yield "fingerprint", info.fingerprint
    yield "split", str(info.split)
    yield "items", f"{len(checkpoint.item_ids):,}, whose raw ids are in the file"
    yield "licence of the data", data_license or _NOT_STATED
    yield "steps of training", f"{info.step:,}"


def _components(checkpoint: Checkpoint) -> Iterator[tuple[str, str]]:
    for origin in checkpoint.info.components:
        yield f"{origin.kind} {origin.name}", f"{origin.package} {origin.version}".strip()


def _metrics(metrics: Mapping[RankProtocol, Mapping[str, float]]) -> Iterator[str]:
    """A row a metric, a column a protocol."""
    if not metrics:
        yield "The run ended before its first validation."
        return
    yield "Of the targets that training held out for validation, each ranked among the whole catalogue, under either"
    yield "protocol: `unmasked` among all items, `seen-masked` among those that the user has not seen."
    yield ""
    yield f"| metric | {' | '.join(metrics)} |"
    yield f"|---|{'---|' * len(metrics)}"
    for name in next(iter(metrics.values())):
        yield f"| {_text(name)} | {' | '.join(_number(own.get(name)) for own in metrics.values())} |"


def _evaluation(found: Evaluated) -> Iterator[str]:
    """A table a protocol: a row a metric, a column a scorer."""
    yield f"{found.targets:,} targets of {found.users:,} users ({_text(found.rule)}, target {found.target}), each"
    yield "ranked among the whole catalogue under either protocol; in brackets the 95 % interval over the users. The"
    yield "baselines are counts of the same training part."
    scorers: dict[str, Numbers] = {"this model": found, **found.baselines}
    for protocol, metrics in found.protocols.items():
        yield ""
        yield f"| {protocol} | {' | '.join(map(_text, scorers))} |"
        yield f"|---|{'---|' * len(scorers)}"
        for name in metrics:
            yield f"| {_text(name)} | {' | '.join(each.shown(protocol, name) for each in scorers.values())} |"


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}"


def _table(rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    for name, content in rows:
        yield f"| {_text(name)} | {_text(content)} |"


def _text(content: Any) -> str:
    """Text of a file inside Markdown: one line, no cell's end, no markup of HTML."""
    return value(str(content)).replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
