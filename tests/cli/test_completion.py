"""What the shell offers for a word that is begun."""

from pathlib import Path

import pytest

from support.commands import fearec


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("fearec train --preset sas", ["sasrec", "sasrec-causal", "sasrec-causal-large"]),
        ("fearec train to", ["toy"]),
        ("fearec tune to", ["toy"]),
        ("fearec train data/to", ["data/toy/"]),
        ("fearec prepare jso", ["jsonl"]),
        ("fearec datasets jso", ["jsonl"]),
        ("fearec components autocorr", ["autocorr", "autocorr-softmax"]),
        ("fearec components trai", ["training"]),
        ("fearec evaluate runs/t", ["runs/toy"]),
        ("fearec evaluate runs/toy/b", ["runs/toy/best.safetensors"]),
        ("fearec compare runs/toy runs/t", ["runs/toy"]),
        ("fearec evaluate nowhere/x", []),
    ],
    ids=str,
)
def test_what_is_there_is_offered(
    trained: Path, words: str, offered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_FEAREC_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    result = fearec()
    assert (result.code, result.err) == (0, "")
    assert sorted(result.out.split()) == offered
