"""`fearec tune`: defaults first, validation alone, pruned, resumed, shared; what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from fearec_cli.components.registry import load_components
from fearec_cli.config import load_recipe
from fearec_cli.data.prepared import open_prepared
from fearec_cli.errors import DataError
from fearec_cli.tuning import search
from fearec_cli.tuning.storage import open_storage
from support.commands import TINY, agree, done, fearec, records, refused

SPACE = ("--search", "training.learning_rate=1e-4..1e-1:log,model.hidden_dropout=0..0.7")
TUNE = ("tune", "toy", "--preset", "sasrec", *(part.replace("learning_rate=0.01", "ema=0.5") for part in TINY))
SHORT = (*TUNE, "--set", "training.epochs=2", *SPACE)


def trials(storage: str = "sqlite:///runs/t/study.db", name: str = "t") -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name=name, storage=storage).trials


def test_the_defaults_come_first_and_the_best_is_kept(toy: Path) -> None:
    printed = done(*SHORT, "--trials", "4", "--no-prune", "--out", "runs/t")
    assert "trial 0: training.learning_rate 0.001, model.hidden_dropout 0.5: " in printed
    found = trials()
    assert [trial.number for trial in found] == [0, 1, 2, 3]
    for trial in found:
        lines = records(Path(f"runs/t/trial-{trial.number}"))
        values = [line["valid"]["unmasked"]["NDCG@10"] for line in lines]
        assert trial.value == max(values)
        assert list(trial.intermediate_values.values()) == values
    best = max(found, key=lambda trial: trial.value or 0.0)
    text = Path("runs/t/best.toml").read_text()
    assert text.startswith("# The best of 4 trials on toy (fingerprint ")
    kept = load_recipe(load_components(), file=Path("runs/t/best.toml"))
    assert kept.training.learning_rate == best.params["training.learning_rate"]
    assert kept.model.hidden_dropout == best.params["model.hidden_dropout"]
    shares = [line.split() for line in printed.splitlines() if line.endswith("%") or "%  " in line]
    assert {share[0] for share in shares} == {"training.learning_rate", "model.hidden_dropout"}
    assert sum(float(share[1].rstrip("%")) for share in shares) == pytest.approx(100, abs=0.2)
    # What is trained with it again is that run.
    done("train", "toy", "--config", "runs/t/best.toml", "--out", "runs/again")
    assert max(line["valid"]["unmasked"]["NDCG@10"] for line in records(Path("runs/again"))) == best.value

    printed = done(*SHORT, "--trials", "5", "--no-prune", "--out", "runs/t")
    assert "trial 4: " in printed
    assert "trial 3: " not in printed
    assert Path("runs/t/best.toml").read_text().startswith("# The best of 5 trials")
    agree(
        refused(*SHORT, "--trials", "9", "--set", "training.batch_size=8", "--out", "runs/t"),
        "^study 't': searches with another setting: training.batch_size is 32 there and 8 here; go on with the same",
    )
    again = (*TUNE, "--set", "training.epochs=2", "--trials", "9", "--out", "runs/t")
    other = refused(*again, "--search", "model.dim=8|16")
    agree(other, "study 't': searches with another space")


def test_the_test_part_cannot_be_reached(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def watched(recipe, prepared, **options):
        given.append(prepared)
        return train(recipe, prepared, **options)

    train = search.train
    monkeypatch.setattr(search, "train", watched)
    done(*SHORT, "--trials", "1", "--out", "runs/t")
    (withheld,) = given
    with pytest.raises(DataError, match="the test part is withheld from a search"):
        withheld.split.test  # noqa: B018
    with pytest.raises(DataError, match="withheld"):
        withheld.split.held_out("test")
    assert len(withheld.split.valid) == len(open_prepared(toy).split.valid)
    assert withheld.fingerprint == open_prepared(toy).fingerprint


def test_what_falls_behind_is_cut_short(toy: Path) -> None:
    space = ("--search", "training.learning_rate=1e-9..1e-1:log")
    printed = done(*TUNE, "--set", "training.epochs=3", *space, "--trials", "8", "--out", "runs/t")
    cut = [trial for trial in trials() if trial.state.name == "PRUNED"]
    assert trials()[0].state.name == "COMPLETE"
    assert cut
    assert min(len(records(Path(f"runs/t/trial-{trial.number}"))) for trial in cut) < 3
    assert f"{8 - len(cut)} trials completed, {len(cut)} cut short: runs/t" in printed


def test_what_does_not_go_together_is_no_error(toy: Path) -> None:
    space = ("--search", "model.heads=1|2|3")
    printed = done(*SHORT, *space, "--trials", "2", "--seed", "2", "--out", "runs/t")
    assert "cut short (model.heads: 3 heads do not divide model.dim = 8)" in printed
    assert "COMPLETE" in {trial.state.name for trial in trials()}


def test_a_search_that_was_stopped_tries_its_last_trial_again(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        follow = search._Follower.on_epoch

        def stopping(self, record, *, best):
            follow(self, record, best=best)
            if self._trial.number == 1:
                self._search.request()

        patched.setattr(search._Follower, "on_epoch", stopping)
        result = fearec(*SHORT, "--trials", "4", "--no-prune", "--out", "runs/t")
    assert result.code == 130
    assert "continue: the same command goes on with the study" in result.out
    assert [trial.state.name for trial in trials()] == ["COMPLETE", "FAIL", "WAITING"]
    done(*SHORT, "--trials", "3", "--no-prune", "--out", "runs/t")
    found = trials()
    assert [trial.state.name for trial in found] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert found[2].params == found[1].params


@pytest.mark.parametrize("address", ["journal:study.log", "sqlite:///study.db"])
def test_two_processes_share_a_storage(toy: Path, address: str) -> None:
    command = [
        *(sys.executable, "-m", "fearec_cli", *SHORT, "--trials", "3", "--no-prune", "--storage", address),
        *("--out", "runs/t", "--study", "shared"),
    ]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    printed = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    storage = open_storage(address, Path())
    found = optuna.load_study(study_name="shared", storage=storage).trials
    numbers = [line.partition(":")[0] for text in printed for line in text.splitlines() if line.startswith("trial ")]
    assert sorted(numbers) == sorted(f"trial {trial.number}" for trial in found)
    assert len(found) in (3, 4)  # one may have begun its last before the third was done
    assert len({json.dumps(trial.params) for trial in found}) >= 3
    # Neither has lost what the other did: each trial has a run of its own, and the file is of the best of all.
    for trial in found:
        lines = records(Path(f"runs/t/trial-{trial.number}"))
        assert trial.value == max(line["valid"]["unmasked"]["NDCG@10"] for line in lines)
    best = max(found, key=lambda trial: (trial.value, -trial.number))
    kept = load_recipe(load_components(), file=Path("runs/t/best.toml"))
    assert kept.training.learning_rate == best.params["training.learning_rate"]


def test_minutes_end_a_search(toy: Path) -> None:
    printed = done(*TUNE, *SPACE, "--minutes", "0.02", "--out", "runs/t", "--set", "training.epochs=100000")
    assert "cut short (the time was up)" in printed
    assert "best:" not in printed


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (SPACE, "give a budget: --trials N, --minutes X, or both"),
        (("--trials", "2"), "--search: name an option"),
        (
            ("--trials", "2", "--search", "model.dim=8..9000"),
            r"--search model\.dim: must be less than or equal to 8192",
        ),
        (("--trials", "2", *SPACE, "--storage", "study"), "--storage study: write journal:FILE, or an address"),
        (
            ("--trials", "2", *SPACE, "--storage", "sqlite:////nowhere/a/b.db"),
            "cannot be used: .*unable to open",
        ),
        (
            ("--trials", "2", *SPACE, "--storage", "mongo://u:secret@h/x"),
            "^--storage: no database or driver of this name is known; write journal:FILE, (?!.*secret)",
        ),
        (
            ("--trials", "2", *SPACE, "--storage", "mysql://u:secret@h:port/x"),
            "^--storage: is not an address(?!.*secret)",
        ),
        (
            ("--trials", "2", *SPACE, "--storage", "mysql+asyncmy://u:secret@h/x"),
            "^--storage: mysql needs the driver asyncmy, which is not installed: pip install asyncmy; (?!.*secret)",
        ),
        (("--trials", "2", *SPACE, "--set", "training.devices=2"), "a trial trains in one process"),
        (("--trials", "2", *SPACE, "--out", "data"), "data: holds something other than a search"),
    ],
    ids=str,
)
def test_refusals(toy: Path, options: tuple[str, ...], problem: str) -> None:
    agree(refused(*TUNE, *options), problem)
    assert not Path("runs/toy-tune").exists()
