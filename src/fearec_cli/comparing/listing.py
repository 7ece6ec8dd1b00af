"""Results as rows: seeds pooled where runs differ in nothing else, and columns for the settings that differ."""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fearec_cli.comparing.found import Found
from fearec_cli.significance.student import Spread, spread

# Nothing is known of a setting that a run of an earlier version does not name.
UNKNOWN = "-"


@dataclass(frozen=True)
class Row:
    """Results that differ in their seed alone; often a single one.

    Attributes:
        path: where they lie.
        results: one or more.
    """

    path: str
    results: Sequence[Found]

    @property
    def first(self) -> Found:
        """Any of them: they agree in everything but the seed and the numbers."""
        return self.results[0]

    def values(self, metric: str) -> list[float]:
        """A metric of each, named as in "unmasked NDCG@10"; empty where one does not have it."""
        protocol, _, name = metric.partition(" ")
        found = [result.metrics.get(protocol, {}).get(name) for result in self.results]  # type: ignore[call-overload]
        return [] if None in found else found

    def spread(self, metric: str) -> Spread | None:
        """Over the seeds; None for a single run, or where one does not have the metric."""
        values = self.values(metric)
        return spread(values) if len(values) > 1 else None


@dataclass(frozen=True)
class Listing:
    """Rows and what to show of them.

    Attributes:
        rows: best first within a data set and part.
        common: facts that all rows share, by name.
        facts: names of the facts that differ, "data" and the like first, then settings.
        metrics: names, as in "unmasked NDCG@10".
    """

    rows: Sequence[Row]
    common: Mapping[str, str]
    facts: Sequence[str]
    metrics: Sequence[str]

    @classmethod
    def of(cls, results: Iterable[Found], names: Sequence[str], *, pool: bool = True) -> "Listing":
        """Put results in rows.

        Args:
            results: at least one.
            names: of the metrics, such as "NDCG@10"; shown under every protocol that a result has.
            pool: put runs that differ in their seed alone in one row.
        """
        groups: dict[str, list[list[Found]]] = {}
        for result in results:
            same = groups.setdefault(_key(result), [])
            # The same seed twice is the same draw twice: it is not another run to take a mean over.
            free = (
                group for group in same if pool and result.settings and result.seed not in {each.seed for each in group}
            )
            group = next(free, None)
            if group is None:
                same.append([result])
            else:
                group.append(result)
        rows = [Row(_place(group), group) for same in groups.values() for group in same]
        protocols = sorted({protocol for row in rows for protocol in row.first.metrics}, reverse=True)
        metrics = [f"{protocol} {name}" for protocol in protocols for name in names]
        metrics = [metric for metric in metrics if any(row.values(metric) for row in rows)]
        described = [_facts(row) for row in rows]
        known = list(dict.fromkeys(name for facts in described for name in facts))
        # A result without settings does not differ in them: they are not known.
        of_runs = [_facts(row) for row in rows if row.first.settings]
        settings = {name for facts in of_runs for name in _settings(facts)}
        differing = [
            name
            for name in known
            if len({facts.get(name, UNKNOWN) for facts in (of_runs if name in settings else described)}) > 1
        ]
        common = {name: described[0][name] for name in ("data", "part", "rule") if name not in differing}
        rows.sort(key=lambda row: _order(row, metrics))
        return cls(rows, common, differing, metrics)

    def fact(self, row: Row, name: str) -> str:
        """A fact of a row, as text."""
        return _facts(row).get(name, UNKNOWN)

    def to_csv(self) -> str:
        """A line a row; a metric has columns for mean, deviation, and ends of the interval over the seeds."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        numbers = [f"{metric}{suffix}" for metric in self.metrics for suffix in ("", " deviation", " low", " high")]
        writer.writerow(["path", "data", "fingerprint", "part", "rule", "seeds", *_settings(self.facts), *numbers])
        for row in self.rows:
            first = row.first
            cells: list[Any] = [row.path, first.dataset, first.fingerprint, first.part, first.rule, _seeds(row)]
            cells += [self.fact(row, name) for name in _settings(self.facts)]
            for metric in self.metrics:
                values, found = row.values(metric), row.spread(metric)
                single = values[0] if values else ""
                cells += [single, "", "", ""] if found is None else [found.mean, found.deviation, found.low, found.high]
            writer.writerow(cells)
        return text.getvalue()

    def to_markdown(self) -> str:
        """A table, under a line with what all rows share."""
        headings = ["path", *self.facts, *self.metrics]
        lines = [_markdown(headings), _markdown(["---"] * len(headings))]
        for row in self.rows:
            facts = (self.fact(row, name) for name in self.facts)
            lines.append(_markdown([row.path, *facts, *(shown(row, metric) for metric in self.metrics)]))
        shared = "; ".join(f"{name}: {text}" for name, text in self.common.items())
        return "\n".join([*([_cell(shared), ""] if shared else []), *lines]) + "\n"

    def to_json(self) -> str:
        """`{"results": [{"path", "dataset", "fingerprint", "part", "rule", "seeds", "settings", "metrics"}, ...]}`.

        `metrics` has a number for each seed: `{"unmasked": {"NDCG@10": [0.06, 0.061]}}`.
        """
        rows = []
        for row in self.rows:
            metrics: dict[str, dict[str, list[float]]] = {}
            for protocol, values in row.first.metrics.items():
                metrics[protocol] = {name: row.values(f"{protocol} {name}") for name in values}
            rows.append(
                {
                    "path": row.path,
                    "dataset": row.first.dataset,
                    "fingerprint": row.first.fingerprint,
                    "part": row.first.part,
                    "rule": row.first.rule,
                    "seeds": [result.seed for result in row.results],
                    "settings": row.first.shared,
                    "metrics": metrics,
                }
            )
        return json.dumps({"results": rows}, indent=2, default=str) + "\n"


def shown(row: Row, metric: str) -> str:
    """A metric for a reader: four decimals, with the deviation where there are several seeds."""
    found, values = row.spread(metric), row.values(metric)
    if found is None:
        return f"{values[0]:.4f}" if values else UNKNOWN
    return f"{found.mean:.4f} ± {found.deviation:.4f}"


def _facts(row: Row) -> dict[str, str]:
    first = row.first
    named = {"data": f"{first.dataset} ({first.fingerprint[:8]})", "part": first.part, "rule": first.rule}
    preset = {"preset": first.preset} if first.preset else {}
    return {**named, "seeds": _seeds(row), **preset, **{name: _text(value) for name, value in first.shared.items()}}


def _settings(facts: Iterable[str]) -> list[str]:
    return [name for name in facts if name not in ("data", "part", "rule", "seeds")]


def _seeds(row: Row) -> str:
    """Seeds in their order, 1 to 5 as "1-5"."""
    seeds = sorted(result.seed for result in row.results if result.seed is not None)
    if len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ",".join(map(str, seeds)) or UNKNOWN


def _key(result: Found) -> str:
    """What results have in common that differ in their seed alone; paths apart where settings are unknown."""
    known = json.dumps(result.shared, sort_keys=True, default=str) if result.settings else str(result.path)
    protocols = {protocol: sorted(metrics) for protocol, metrics in result.metrics.items()}
    return json.dumps([result.fingerprint, result.part, known, protocols], sort_keys=True)


def _place(group: Sequence[Found]) -> str:
    return os.path.commonpath([result.path for result in group]) or str(Path())


def _order(row: Row, metrics: Sequence[str]) -> tuple[str, str, float, str]:
    values = row.values(metrics[0]) if metrics else []
    mean = sum(values) / len(values) if values else 0.0
    return (row.first.fingerprint, row.first.part, -mean, row.path)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _markdown(cells: Iterable[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
