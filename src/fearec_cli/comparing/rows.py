"""Results that differ in their seed alone, or in the cut of their data too, as one row with mean and deviation."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from fearec_cli.comparing.found import Found
from fearec_cli.significance.student import Spread, spread

UNKNOWN = "-"
# What `fearec prepare --cuts` calls the data sets of one log; the moments of its rule are a cut's own.
_CUT = re.compile(r"(.+)-cut-([0-9]{1,3})")
_MOMENTS = re.compile(r"valid from \S+, test from \S+, ")


@dataclass(frozen=True)
class Row:
    """Results that differ in their seed alone, or in the cut of their data too; often a single one.

    Attributes:
        path: where they lie.
        results: one or more.
    """

    path: str
    results: Sequence[Found]

    @property
    def first(self) -> Found:
        """Any of them: they agree in everything but the cut, the seed and the numbers."""
        return self.results[0]

    @property
    def cuts(self) -> list[str]:
        """Fingerprints of the cuts, in their order; empty where all are of one data set."""
        cuts = self._numbered
        return [cuts[number] for number in sorted(cuts)] if len(cuts) > 1 else []

    @property
    def data(self) -> str:
        """Name of the data set, or of the log and its cuts."""
        cut = cut_of(self.first)
        return f"{cut[0]}, cuts {_numbers(self._numbered)}" if cut and self.cuts else self.first.dataset

    @property
    def fingerprint(self) -> str:
        """Of the data set; empty where there are several."""
        return "" if self.cuts else self.first.fingerprint

    @property
    def rule(self) -> str:
        """What holds the targets out; without its moments where each cut has its own."""
        return _kind(self.first) if self.cuts else self.first.rule

    @property
    def seeds(self) -> str:
        """Seeds in their order, 1 to 5 as "1-5"."""
        return _numbers({result.seed for result in self.results if result.seed is not None}) or UNKNOWN

    @property
    def over(self) -> str:
        """What the numbers vary over: "cuts", "seeds", or nothing."""
        return "cuts" if self.cuts else "seeds" if len(self.results) > 1 else ""

    def values(self, metric: str) -> list[float]:
        """A metric, named as in "unmasked NDCG@10", of each seed; of several cuts the mean over the seeds of each cut.
        Empty where one does not have it."""
        protocol, _, name = metric.partition(" ")
        found = [result.metrics.get(protocol, {}).get(name) for result in self.results]  # type: ignore[call-overload]
        if None in found or not self.cuts:
            return [] if None in found else found
        return [
            fmean(value for value, result in zip(found, self.results, strict=True) if result.fingerprint == cut)
            for cut in self.cuts
        ]

    def spread(self, metric: str) -> Spread | None:
        """Over the seeds, or over the cuts; None for a single run, or where one does not have the metric."""
        values = self.values(metric)
        return spread(values) if len(values) > 1 else None

    @property
    def _numbered(self) -> dict[int, str]:
        """Fingerprint of each cut by its number."""
        return {cut[1]: result.fingerprint for result in self.results if (cut := cut_of(result))}


def cut_of(result: Found) -> tuple[str, int] | None:
    """The log, and the number of the cut, where the data set of a result is one of several of a log."""
    match = _CUT.fullmatch(result.dataset)
    return (match[1], int(match[2])) if match and _MOMENTS.search(result.rule) else None


def rows_of(results: Iterable[Found], *, pool: bool) -> list[Row]:
    """Put results that belong together into rows.

    Args:
        results: at least one.
        pool: put runs that differ in their seed alone, or in the cut of their data too, in one row.
    """
    groups: dict[str, list[list[Found]]] = {}
    for result in results:
        same = groups.setdefault(_key(result), [])
        free = (group for group in same if pool and result.settings and _takes(group, result))
        group = next(free, None)
        if group is None:
            same.append([result])
        else:
            group.append(result)
    return [Row(_place(group), group) for same in groups.values() for group in same]


def _takes(group: Sequence[Found], result: Found) -> bool:
    """Whether a result is another draw beside those of a group. The same seed twice is the same draw twice; and a cut
    of the same number that is another data set is of other cuts."""
    beside = [each for each in group if cut_of(each) == cut_of(result)]
    return all(each.seed != result.seed and each.fingerprint == result.fingerprint for each in beside)


def _key(result: Found) -> str:
    """What results have in common that differ in their seed, or cut, alone; paths apart where settings are unknown."""
    cut = cut_of(result)
    data = [cut[0], _kind(result)] if cut else [result.fingerprint]
    known = json.dumps(result.shared, sort_keys=True, default=str) if result.settings else str(result.path)
    protocols = {protocol: sorted(metrics) for protocol, metrics in result.metrics.items()}
    return json.dumps([data, result.part, known, protocols], sort_keys=True)


def _kind(result: Found) -> str:
    return _MOMENTS.sub("", result.rule)


def _place(group: Sequence[Found]) -> str:
    return os.path.commonpath([result.path for result in group]) or str(Path())


def _numbers(found: Iterable[int]) -> str:
    """Numbers in their order; three and more that follow one another as "1-5"."""
    numbers = sorted(found)
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers))
