"""Rows of results as tables, with columns for the settings that differ."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fearec_cli.comparing.found import Found
from fearec_cli.comparing.rows import UNKNOWN, Row, rows_of


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
            pool: put runs that differ in their seed alone, or in the cut of their data too, in one row.
        """
        rows = rows_of(results, pool=pool)
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
        over = sorted({row.over for row in rows if row.over})
        common |= {"±": f"sample deviation over {' or '.join(over)}"} if over else {}
        rows.sort(key=lambda row: _order(row, metrics))
        return cls(rows, common, differing, metrics)

    def fact(self, row: Row, name: str) -> str:
        """A fact of a row, as text."""
        return _facts(row).get(name, UNKNOWN)

    def to_csv(self) -> str:
        """A line a row; a metric has columns for mean, deviation, and ends of the interval over seeds or cuts."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        numbers = [f"{metric}{suffix}" for metric in self.metrics for suffix in ("", " deviation", " low", " high")]
        writer.writerow(["path", "data", "fingerprint", "part", "rule", "seeds", *_settings(self.facts), *numbers])
        for row in self.rows:
            first = row.first
            cells: list[Any] = [row.path, row.data, row.fingerprint, first.part, row.rule, row.seeds]
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
        """`{"results": [{"path", "dataset", "fingerprint", "part", "rule", "cuts", "seeds", "settings", "metrics"}]}`.

        `metrics` has a number for each seed, `{"unmasked": {"NDCG@10": [0.06, 0.061]}}`; of several cuts one for each
        cut, the mean of its seeds. `cuts` has their fingerprints, in this order.
        """
        rows = []
        for row in self.rows:
            metrics: dict[str, dict[str, list[float]]] = {}
            for protocol, values in row.first.metrics.items():
                metrics[protocol] = {name: row.values(f"{protocol} {name}") for name in values}
            rows.append(
                {
                    "path": row.path,
                    "dataset": row.data,
                    "fingerprint": row.fingerprint,
                    "part": row.first.part,
                    "rule": row.rule,
                    "cuts": row.cuts,
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
    data = f"{row.data} ({row.fingerprint[:8]})" if row.fingerprint else row.data
    preset = {"preset": first.preset} if first.preset else {}
    settings = {name: _text(value) for name, value in first.shared.items()}
    return {"data": data, "part": first.part, "rule": row.rule, "seeds": row.seeds, **preset, **settings}


def _settings(facts: Iterable[str]) -> list[str]:
    return [name for name in facts if name not in ("data", "part", "rule", "seeds")]


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
