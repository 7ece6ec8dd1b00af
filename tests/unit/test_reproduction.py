"""Claims and their page: the file is whole, the page is made from it, verdicts are right, a check trains and judges."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from fearec_cli.config import preset_names
from support.commands import TINY, done, write_sequences

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
_SPEC = importlib.util.spec_from_file_location("reproduction", BENCHMARKS / "reproduction.py")
assert _SPEC is not None
assert _SPEC.loader is not None
reproduction = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reproduction)
CLAIMS = reproduction.read_claims(reproduction.CLAIMS)


def test_every_claim_is_whole() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)
    for claim in CLAIMS:
        assert claim.protocol in ("unmasked", "seen-masked")
        assert claim.train[0] == "--preset"
        assert claim.train[1] in preset_names()
        assert len(claim.ours) == len(claim.seeds)
        assert bool(claim.ours) == bool(claim.run)


def test_the_page_is_made_from_the_claims() -> None:
    assert reproduction.table(CLAIMS) in reproduction.PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ([], "not run"),
        ([0.0605], "reproduced, one seed"),
        ([0.0600, 0.0612], "reproduced"),
        ([0.0580, 0.0584], "not reproduced: lower by 0.0028"),
        ([0.0650], "not reproduced: higher by 0.0040"),
    ],
)
def test_a_verdict(ours: list[float], verdict: str) -> None:
    claim = replace(CLAIMS[0], published=0.0610, tolerance=0.0015)
    assert reproduction.verdict(claim, ours) == verdict


def test_a_check_trains_and_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sequences(Path("toy.txt"))
    done("prepare", "sequences", "--from", "toy.txt", "--out", "data/toy")
    arguments = ", ".join(f'"{part}"' for part in ("--preset", "sasrec", *TINY, "--max-steps", "2"))
    text = reproduction.CLAIMS.read_text("utf-8").partition("[[claim]]")[2].partition("[[claim]]")[0]
    lines = [line for line in text.splitlines() if not line.startswith(("train", "data", "tolerance"))]
    claim = "\n".join(["[[claim]]", *lines, f"train = [{arguments}]", 'data = "toy"', "tolerance = 1.0"])
    Path("claims.toml").write_text(claim)
    # In this process: a new one would only import torch again.
    monkeypatch.setattr(reproduction.subprocess, "run", lambda command, *, check: done(*command[3:]))
    command = ["--claims", "claims.toml", "check", "fearec-beauty-unmasked", "--seeds", "1", "2"]
    with pytest.raises(SystemExit) as end:
        reproduction.main(command)
    assert end.value.code == 0
    assert "published 0.0459, ours 0." in capsys.readouterr().out
    Path("claims.toml").write_text(claim.replace("tolerance = 1.0", "tolerance = 0.0"))
    with pytest.raises(SystemExit) as end:
        reproduction.main(command)
    assert end.value.code == 1
    assert "not reproduced" in capsys.readouterr().out
