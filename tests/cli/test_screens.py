"""What stands on a terminal of 40, 62, 80 and 120 columns: no line is folded by it, no word and no number is cut."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from fearec_cli.cli.main import _Commands
from support.commands import TINY, done, records
from support.screen import WIDTHS, too_long, written

OTHER = ("--preset", "fearec", *TINY, "--seed", "7", "--max-steps", "2", "--out", "runs/other")
# Words that are longer than a narrow terminal cannot be folded: names of components, and types of options.
LONG_WORD = re.compile(r"\S{30,}")


def check(lines: Sequence[str], columns: int) -> str:
    """No line is folded by the terminal, but for a word that is longer than it; the words of all."""
    folded = [line for line in too_long(list(lines), columns) if not LONG_WORD.search(line)]
    assert not folded
    assert "\N{HORIZONTAL ELLIPSIS}" not in "".join(lines), "something is cut"
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("command", ["", *_Commands.summaries], ids=str)
def test_help_fits(command: str, columns: int) -> None:
    words = check(written(columns, *filter(None, [command]), "--help"), columns)
    assert words.startswith(f"Usage: fearec {command}".rstrip())
    assert "Show this message and exit." in words


@pytest.mark.parametrize("columns", WIDTHS)
def test_lists_fit(columns: int) -> None:
    words = check(written(columns, "components"), columns)
    assert "autocorr-softmax Average over all delays, weighted by the" in words
    assert "fearec 0." not in words, "of the packages only others are named"
    words = check(written(columns, "datasets"), columns)
    assert re.search(r"amazon-\.\.\. \d+ sources of amazon: `fearec datasets amazon` lists them", words)
    assert "csv A table with one interaction a line" in words
    assert "amazon-books Amazon reviews of Books" in check(written(columns, "datasets", "amazon"), columns)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("name", ["autocorr", "model", "training"])
def test_options_fit(name: str, columns: int) -> None:
    lines = written(columns, "components", name)
    words = check(lines, columns)
    assert f"name {name} kind " in words
    described = [line for line in lines[lines.index("") :] if line.startswith("  ")]
    assert described
    if columns < 120:  # no column of syllables: a description has the whole line
        assert all(line[2] != " " for line in described)
    assert max(map(len, described)) > min(columns, 80) - 15


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_preparation_fits(columns: int) -> None:
    lines = written(columns, "prepare", "demo", "--set", "demo.users=40")
    words = check(lines, columns)
    assert re.search(r"train period 20\S+Z to 20\S+Z, [\d,]+ interactions", words)
    assert lines[-1] == "wrote data/demo"
    hanging = {len(line) - len(line.lstrip()) for line in lines if line.startswith(" ")}
    assert len(hanging) <= 1, "values are aligned"


@pytest.mark.parametrize("columns", WIDTHS)
def test_an_evaluation_fits(best: Path, columns: int) -> None:
    lines = written(columns, "evaluate", best, "--k", "5,10", "--split", "valid")
    check(lines, columns)
    heads = [place for place, line in enumerate(lines) if re.match(r" unmasked ", line)]
    names = [name for place in heads for name in lines[place].split()[1:]]
    assert names[:2] == ["model", "popularity"]
    assert {"model", "popularity", "last-item", "item-knn"} <= set(names)
    rows = [line.split() for line in lines if re.match(r" +(HR|NDCG|MRR)@\d+ ", line)]
    assert {row[0] for row in rows} == {f"{metric}@{k}" for metric in ("HR", "NDCG", "MRR") for k in (5, 10)}
    assert all(re.fullmatch(r"[01]\.\d{4}", cell) for row in rows for cell in row[1:])
    kept = max(records(best.parent), key=lambda record: record["valid"]["unmasked"]["NDCG@10"])["valid"]
    assert next(row for row in rows if row[0] == "NDCG@10")[1] == f"{kept['unmasked']['NDCG@10']:.4f}"


def test_results_and_comparisons_fit(best: Path) -> None:
    done("train", "toy", *OTHER)
    for columns in WIDTHS:
        words = check(written(columns, "compare", "runs/toy", "runs/other"), columns)
        assert "compared with runs/toy; intervals 95 %, paired over users" in words
        assert "NDCG@10 unmasked" in words
        assert re.search(r"\[[+-]0\.\d{4}, [+-]0\.\d{4}\]", words)
        lines = written(columns, "results", "runs", "--metric", "NDCG@10")
        words = check(lines, columns)
        assert sum(line.strip().startswith(("runs/toy", "runs/other")) for line in lines) == 2
        assert "ce+0.1*contrast+0.1*spectral" in words
        assert "contrast.temperature" in words.partition("of components that not all of them have")[2]


@pytest.mark.parametrize("columns", WIDTHS)
def test_recommendations_fit(best: Path, columns: int) -> None:
    lines = written(columns, "recommend", best, "--history", "i1,i2", "--k", "3")
    assert [line.split()[0] for line in lines] == ["rank", "1", "2", "3"]
    assert all(re.fullmatch(r"\d +i\d+ +-?\d+\.\d{4}", line) for line in lines[1:])
    assert not too_long(lines, columns)


def test_seeds_fit(toy: Path) -> None:
    lines = written(40, "train", toy, "--preset", "sasrec", *TINY, "--max-steps", "1", "--seeds", "2")
    words = check(lines, 40)
    assert "toy, test, 2 seeds; intervals are Student's, of the mean over seeds" in words
    assert re.search(r"NDCG@10 protocol unmasked mean 0\.\d{4} deviation 0\.\d{4} 95 % interval \[", words)


def test_an_inspection_fits(best: Path) -> None:
    for columns in (40, 80):
        lines = written(columns, "inspect", best, "--plain")
        words = check(lines, columns)
        assert "Energy by frequency" in words
        (pictures, *_) = [place for place, line in enumerate(lines) if "filter passes" in line]
        assert all(line.startswith(("- ", "  ")) for line in lines[:pictures]), "what is folded hangs"
