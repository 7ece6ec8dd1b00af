"""`fearec train --seeds`: one directory, resumable, its summary right; what is refused."""

import json
import statistics
from pathlib import Path

import pytest
from scipy import stats

from fearec_cli.runs.seeds import read_summary
from fearec_cli.training import seeds as training_seeds
from fearec_cli.training.run import train
from support.commands import TINY, agree, contents, done, fearec, records, refused, timeless

SASREC = ("--preset", "sasrec", *TINY)


def test_several_seeds_and_their_summary(toy: Path) -> None:
    printed = done("train", "toy", *SASREC, "--epochs", "1", "--seeds", "3,5,4", "--out", "runs/seeds")
    summary = json.loads(Path("runs/seeds/summary.json").read_text())
    assert summary["seeds"] == [3, 5, 4]
    results = [json.loads(Path(f"runs/seeds/seed-{seed}/test.json").read_text()) for seed in (3, 4, 5)]
    values = [result["protocols"]["unmasked"]["NDCG@10"] for result in results]
    assert len(set(values)) == 3
    found = summary["statistics"]["test"]["unmasked"]["NDCG@10"]
    assert found["mean"] == pytest.approx(statistics.fmean(values))
    assert found["deviation"] == pytest.approx(statistics.stdev(values))
    low, high = stats.t.interval(0.95, 2, loc=found["mean"], scale=stats.sem(values))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    row = f"{found['mean']:.4f} +{found['deviation']:.4f} +\\[{low:.4f}, {high:.4f}\\]"
    agree([printed], rf"NDCG@10 +unmasked +{row}")
    valid = [records(Path(f"runs/seeds/seed-{seed}"))[0]["valid"]["unmasked"]["HR@5"] for seed in (3, 4, 5)]
    assert summary["statistics"]["valid"]["unmasked"]["HR@5"]["mean"] == pytest.approx(statistics.fmean(valid))
    # A seed is the run that `--seed` would have trained.
    done("train", "toy", *SASREC, "--epochs", "1", "--seed", "5", "--out", "runs/five")
    assert timeless(Path("runs/seeds/seed-5")) == timeless(Path("runs/five"))


def test_a_count_is_the_seeds_from_1() -> None:
    Path("log.txt").write_text("\n".join(f"u{user} a b c d e f g h i j" for user in range(6)))
    done("prepare", "sequences", "--from", "log.txt", "--k-core", "0", "--out", "data/toy")
    printed = done("train", "toy", *SASREC, "--epochs", "1", "--seeds", "2")
    assert "2 of 2 seeds done: runs/toy-sasrec-seeds" in printed
    assert {path.name for path in Path("runs/toy-sasrec-seeds").iterdir()} == {
        "run.toml",
        "summary.json",
        "seed-1",
        "seed-2",
    }


def test_what_was_cut_goes_on_and_finished_seeds_stay(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("train", "toy", *SASREC, "--epochs", "2", "--seeds", "1,2", "--out")
    done(*arguments, "runs/whole")

    def cut(recipe, *others, **options):
        if recipe.training.seed == 2:
            train(recipe.with_training(epochs=1), *others, **options)
            options["stop"].request()
            options["resume"] = True
        return train(recipe, *others, **options)

    with monkeypatch.context() as patched:
        patched.setattr(training_seeds, "train", cut)
        result = fearec(*arguments, "runs/cut")
    assert result.code == 130
    assert "1 of 2 seeds done: runs/cut" in result.out
    assert "continue: fearec train toy --resume --out runs/cut" in result.out
    assert read_summary(Path("runs/cut")).left() == [2]
    finished = contents(Path("runs/cut/seed-1"))

    printed = done("train", "--resume", "--out", "runs/cut")
    assert "seed 1:" not in printed
    assert contents(Path("runs/cut/seed-1")) == finished
    assert timeless(Path("runs/cut/seed-2")) == timeless(Path("runs/whole/seed-2"))
    assert read_summary(Path("runs/cut")) == read_summary(Path("runs/whole"))

    done("train", "toy", "--resume", "--out", "runs/cut", "--seeds", "1,2,3")
    assert read_summary(Path("runs/cut")).runs.keys() == {1, 2, 3}
    assert contents(Path("runs/cut/seed-1")) == finished
    agree(
        refused("train", "toy", "--resume", "--out", "runs/cut", "--epochs", "3"),
        r"^runs/cut: training.epochs is 2 there and 3 here; all seeds share the settings of its run.toml: "
        "`fearec train --resume --out runs/cut` goes on with its own",
    )


def test_one_command_line_begins_several_seeds_and_goes_on_with_them(toy: Path) -> None:
    Path("mine.toml").write_text("[training]\nepochs = 1\n")
    words = ("--config", "mine.toml", *SASREC, "--track", "tensorboard")
    command = ("train", "toy", *words, "--seeds", "2", "--resume", "--out", "runs/seeds")
    agree(refused(*command[:1], *command[2:]), "^--resume: no run has begun in runs/seeds; name a data set")
    assert "2 of 2 seeds done" in done(*command)
    Path("runs/seeds/seed-2/test.json").unlink()
    summary = json.loads(Path("runs/seeds/summary.json").read_text())
    del summary["runs"]["2"]
    Path("runs/seeds/summary.json").write_text(json.dumps(summary))
    finished = contents(Path("runs/seeds/seed-1"))
    printed = done(*command)
    assert "2 of 2 seeds done" in printed
    assert "seed 1:" not in printed
    assert contents(Path("runs/seeds/seed-1")) == finished
    done("train", "--resume", "--out", "runs/seeds")
    agree(refused(*command, "--set", "model.heads=1"), "^runs/seeds: model.heads is 2 there and 1 here; all seeds")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--seeds", "1"), "--seeds 1: give 2 to 1,000 seeds; a single one is --seed N"),
        (("--seeds", "1001"), "give 2 to 1,000 seeds"),
        (("--seeds", "0"), "give 2 to 1,000 seeds"),
        (("--seeds", "1,x"), "--seeds 1,x: give a number of seeds, or seeds separated by commas"),
        (("--seeds", "-3"), "give a number of seeds"),
        (("--seeds", "2,2"), "--seeds 2,2: a seed appears twice"),
        (("--seeds", "2", "--seed", "1"), "--seed: does not go with --seeds"),
        (("--seeds", "2", "--batch-size", "auto"), "--batch-size auto: does not go with --seeds"),
        (("--seeds", "2", "--devices", "2"), "--seeds: trains in one process"),
        # Refused by a component when the first model is built: nothing stays behind.
        (("--seeds", "2", "--targets", "all", "--attention", "autocorr"), "autocorr"),
    ],
    ids=str,
)
def test_what_cannot_be_trained_is_refused(toy: Path, options: tuple[str, ...], problem: str) -> None:
    agree(refused("train", "toy", *TINY, *options, "--out", "runs/seeds")[:1], problem)


def test_a_run_or_another_data_set_is_not_gone_on_from(trained: Path) -> None:
    agree(
        refused("train", "toy", "--resume", "--out", trained, "--seeds", "2"),
        "runs/toy: has no summary.json: it is not a directory of `fearec train --seeds`",
    )
    done("train", "toy", *SASREC, "--max-steps", "1", "--seeds", "2", "--out", "runs/seeds")
    done("prepare", "demo", "--set", "demo.users=20")
    agree(
        refused("train", "demo", "--resume", "--out", "runs/seeds"),
        "runs/seeds: its seeds were trained on 'toy' .* and data/demo is another data set",
    )
    Path("runs/seeds/summary.json").write_text('{"seeds": "many"}')
    agree(refused("train", "--resume", "--out", "runs/seeds"), "summary.json: dataset: Field required; train the seeds")
    Path("runs/seeds/summary.json").write_text("{")
    agree(refused("train", "--resume", "--out", "runs/seeds"), "summary.json: .*JSON.*; train the seeds")
