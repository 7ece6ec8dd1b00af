"""A run that was stopped goes on where it stood, bit for bit."""

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fearec_cli.cli.show.progress import PlainReporter
from fearec_cli.data.prepared import open_prepared
from fearec_cli.runs.directory import state_file, state_files
from support.commands import (
    SETTINGS,
    TINY,
    agree,
    contents,
    description,
    done,
    fearec,
    metadata,
    newest_state,
    records,
    refused,
    same,
    settings_of,
    tensors,
    timeless,
    write_sequences,
)

EPOCHS, STEPS = 3, 27
# The default model: dropout, a second view and semantic draws all use random numbers.
RUN = (*TINY, "--epochs", str(EPOCHS))
STATE = Path("last") / f"state-{STEPS}.safetensors"


@pytest.fixture(scope="module")
def whole(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped."""
    place = tmp_path_factory.mktemp("whole")
    with contextlib.chdir(place):
        shutil.copytree(finished / "data", "data")
        done("train", "data/toy", *RUN, "--out", "run")
    assert records(place / "run")[-1]["step"] == STEPS
    return place / "run"


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch):
    """Makes the runs that follow get a signal at these steps."""

    def at(steps: Sequence[int]) -> None:
        ahead = list(steps)

        def on_step(self, place, *_arguments) -> None:
            if ahead and place.step == ahead[0]:
                ahead.pop(0)
                os.kill(os.getpid(), signal.SIGTERM if len(ahead) % 2 else signal.SIGINT)

        monkeypatch.setattr(PlainReporter, "on_step", on_step)

    return at


def stopped(*arguments: str | Path) -> str:
    """Run until a signal comes; the command that the run says will continue it."""
    result = fearec(*arguments)
    assert (result.code, result.err) == (130, "")
    # Weights that were not validated are not proposed for evaluation.
    assert ("weights, not validated: " in result.out) == ("next: fearec evaluate" not in result.out)
    assert "interrupted after " in result.out
    line = result.out.splitlines()[-1]
    assert line.startswith("continue: fearec ")
    return line.removeprefix("continue: fearec ")


@pytest.mark.parametrize(
    "steps",
    [
        [1],  # in the first epoch, before anything was validated
        [4, 5, 23],
        [9],  # at the end of an epoch, before its validation
        [10],
        [8, 9, 10, 18],
        [26],
        [27],  # after the last step
    ],
    ids=str,
)
def test_stopped_and_continued_is_as_if_never_stopped(toy: Path, whole: Path, stopping, steps: list[int]) -> None:
    stopping(steps)
    command = stopped("train", toy, *RUN, "--out", "runs/b")
    for _ in steps[1:]:
        command = stopped(*shlex.split(command))
    done(*shlex.split(command))

    b = Path("runs/b")
    assert same(tensors(b / STATE), tensors(whole / STATE))
    assert same(tensors(b / "best.safetensors"), tensors(whole / "best.safetensors"))
    assert description(b / "best.safetensors") == description(whole / "best.safetensors")
    assert timeless(b) == timeless(whole)
    assert settings_of(b) == settings_of(whole)


def test_every_way_of_following_the_gradient_is_resumed(toy: Path, stopping) -> None:
    options = {
        "schedule": "cosine",
        "warmup_steps": 7,
        "schedule_steps": 22,
        "weight_decay": 0.1,
        "gradient_clip": 0.5,
        "accumulate": 3,
        "ema": 0.8,
        "metric": "NDCG@10",
    }
    run = (
        "--preset",
        "fearec",
        *TINY,
        *(part for name, value in options.items() for part in ("--set", f"training.{name}={value}")),
    )
    assert "stopped by schedule after 22 steps" in done("train", toy, *run, "--out", "runs/a")
    stopping([4, 13])
    command = stopped("train", toy, *run, "--out", "runs/b")
    command = stopped(*shlex.split(command))
    done(*shlex.split(command))
    a, b = Path("runs/a"), Path("runs/b")
    state = tensors(state_file(a, 22))
    assert same(tensors(state_file(b, 22)), state)
    assert same(tensors(b / "best.safetensors"), tensors(a / "best.safetensors"))
    assert timeless(a) == timeless(b)
    assert [line["step"] for line in records(a)] == [9, 18, 22]
    # What is kept as the best is the average, and not the weights that it averages.
    assert description(a / "best.safetensors")["step"] == 22
    best = tensors(a / "best.safetensors")
    for name in (name for name in best if name.startswith("model.")):
        averaged = state[name.replace("model.", "average.", 1)]
        assert best[name].equal(averaged)
    assert not state["model.embedding.items.weight"].equal(state["average.embedding.items.weight"])


def test_more_steps_may_be_asked_for(toy: Path) -> None:
    done("train", toy, *RUN, "--max-steps", "4", "--out", "runs/b")
    done("train", toy, "--resume", "--out", "runs/b", "--max-steps", "12")
    done("train", toy, *RUN, "--max-steps", "12", "--out", "runs/a")
    a, b = Path("runs/a"), Path("runs/b")
    assert same(tensors(state_file(a, 12)), tensors(state_file(b, 12)))
    # The validation that the first limit added is taken back.
    assert [line["step"] for line in records(b)] == [9, 12]
    assert timeless(b) == timeless(a)
    assert settings_of(b)["training"]["max_steps"] == 12


def test_what_a_limit_added_is_taken_back(toy: Path, whole: Path) -> None:
    """A validation in mid-epoch may find better weights than any epoch's end: a run that goes on forgets them."""
    b = Path("runs/b")
    done("train", toy, *RUN, "--max-steps", "17", "--out", b)
    at_limit = contents(b)
    for more in ([], ["--max-steps", "12"]):  # as if it were asked for again, or for less
        printed = done("train", toy, "--resume", "--out", b, *more)
        assert "stopped by max-steps after 17 steps" in printed
        changed = {name for name, content in contents(b).items() if content != at_limit.get(name)}
        assert changed <= {"run.toml"}
    done("train", toy, "--resume", "--out", b, "--max-steps", "0")
    assert same(tensors(b / STATE), tensors(whole / STATE))
    assert same(tensors(b / "best.safetensors"), tensors(whole / "best.safetensors"))
    assert description(b / "best.safetensors")["step"] == description(whole / "best.safetensors")["step"]
    assert timeless(b) == timeless(whole)
    assert contents(b).keys() == contents(whole).keys()


def test_a_run_at_its_end_has_nothing_left_to_do(toy: Path, whole: Path) -> None:
    shutil.copytree(whole, "runs/b")
    printed = done("train", toy, "--resume", "--out", "runs/b")
    assert f"stopped by epochs after {STEPS} steps; nothing was left to do\n" in printed
    assert contents(Path("runs/b")) == contents(whole)


def test_a_limit_that_is_reached_counts_as_done_even_if_a_signal_came(toy: Path, stopping) -> None:
    stopping([5])
    printed = done("train", toy, *RUN, "--max-steps", "5", "--out", "runs/b")
    assert "stopped by max-steps" in printed
    assert [line["step"] for line in records(Path("runs/b"))] == [5]


def test_stopped_before_any_validation_there_are_weights_all_the_same(toy: Path, stopping) -> None:
    stopping([2])
    stopped("train", toy, *RUN, "--out", "runs/b")
    info = description(Path("runs/b/best.safetensors"))
    assert (info["step"], info["metrics"]) == (2, {})
    assert "NDCG@10" in done("evaluate", "runs/b/best.safetensors")


def test_lines_that_were_written_after_the_saved_state_are_taken_back(toy: Path, whole: Path, stopping) -> None:
    stopping([10])
    command = stopped("train", toy, *RUN, "--out", "runs/b")
    # As a run leaves them that was killed between the validation and the state, or on a full disk.
    with Path("runs/b/metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "step": 18, "loss": 1.0}\n{"epoch": 3, "st')
    done(*shlex.split(command))
    assert timeless(Path("runs/b")) == timeless(whole)


def test_a_signal_from_outside(toy: Path) -> None:
    script = Path(sys.executable).with_name("fearec")
    endless = (*TINY, "--preset", "sasrec", "--epochs", "100000", "--set", "training.patience=100000")
    run = subprocess.Popen(
        [script, "train", toy, *endless, "--out", "runs/b"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    for line in run.stdout:
        if line.startswith("epoch 2"):
            for arguments in (["--resume"], endless):  # while the run goes on, nobody else may
                second = fearec("train", toy, *arguments, "--out", "runs/b")
                assert second.code == 2
                assert re.fullmatch(
                    rf"error: runs/b: process {run.pid} on .* is training there; "
                    "wait until it has ended, or choose another --out\n",
                    second.err,
                )
            run.send_signal(signal.SIGTERM)
            break
    out, err = run.communicate(timeout=120)
    assert (run.returncode, err) == (130, "")
    command = out.splitlines()[-1].removeprefix("continue: fearec ")

    state = newest_state(Path("runs/b"))
    steps = 5 + int(metadata(state)["place"].partition('"step":')[2].partition(",")[0])
    done(*shlex.split(command), "--max-steps", str(steps))
    done("train", toy, *endless, "--out", "runs/a", "--max-steps", str(steps))
    assert same(tensors(state_file(Path("runs/b"), steps)), tensors(state_file(Path("runs/a"), steps)))
    assert timeless(Path("runs/b")) == timeless(Path("runs/a"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "1"], "training.seed is 42 there and 1 here"),
        (["--set", "model.dim=4"], "model.dim is 8 there and 4 here"),
        (
            ["--seed", "3", "--batch-size", "8"],
            "training.batch_size is 32 there and 8 here; training.seed is 42 there and 3 here",
        ),
        (["--attention", "identity"], "attention is dot there and identity here"),
        (["--loss", "bce"], "loss is ce there and bce here"),
        (["--set", "ce.smoothing=0.3"], "ce.smoothing is 0.1 there and 0.3 here"),
        (["--preset", "sasrec-causal", *TINY, "--seed", "4"], "training.seed is 42 there and 4 here"),
        (["--preset", "sasrec-causal", *TINY[2:]], "model.dim is 8 there and 64 here"),
        (["--config", "mine.toml", *TINY], "training.seed is 42 there and 1 here"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_another_configuration_is_named_setting_by_setting(
    toy: Path, whole: Path, arguments: list[str], message: str
) -> None:
    shutil.copytree(whole, "runs/b")
    Path("mine.toml").write_text("[training]\nseed = 1\n")
    advice = "`fearec train --resume --out runs/b` goes on with its own, another --out starts a run of these"
    assert refused("train", toy, "--resume", "--out", "runs/b", *arguments) == [f"runs/b: {message}; {advice}"]


@pytest.mark.parametrize(
    "words",
    [
        (*RUN, "--seed", "5"),
        ("--preset", "fearec", *TINY, "--attention", "ramp", "--loss", "ce+0.1*contrast"),
        ("--config", "mine.toml", *TINY, "--patience", "3"),
        ("--attention", "ramp", "--set", "window.alpha=0.5", *TINY, "--batch-size", "16"),
    ],
    ids=["flags", "preset", "file", "components"],
)
def test_one_command_line_begins_a_run_and_goes_on_with_it(toy: Path, stopping, words: tuple[str, ...]) -> None:
    """A job that a cluster puts back into its queue needs no logic."""
    Path("mine.toml").write_text('loss = "ce+0.1*contrast"\n[contrast]\ntemperature = 0.5\n')
    command = ("train", toy, *words, "--max-steps", "6", "--resume", "--out")
    stopping([2])
    stopped(*command, "runs/b")
    printed = done(*command, "runs/b")
    assert "goes on after step 2" in printed
    assert "stopped by max-steps after 6 steps" in done(*command, "runs/b")
    done(*command[:-2], "--out", "runs/a")
    a, b = Path("runs/a"), Path("runs/b")
    assert same(tensors(state_file(a, 6)), tensors(state_file(b, 6)))
    assert timeless(a) == timeless(b)
    assert settings_of(a) == settings_of(b)


def test_a_batch_size_that_was_found_is_gone_on_with(toy: Path, stopping) -> None:
    command = ("train", toy, *RUN, "--batch-size", "auto", "--resume", "--out", "runs/b")
    command = tuple(word for word in command if word != "training.batch_size=32")
    command = command[: (at := command.index("training.learning_rate=0.01")) - 2] + command[at - 1 :]
    stopping([1])
    stopped(*command)
    size = settings_of(Path("runs/b"))["training"]["batch_size"]
    assert "batch size" not in done(*command, "--max-steps", "2")
    assert settings_of(Path("runs/b"))["training"]["batch_size"] == size


def test_the_same_configuration_said_again_is_none(toy: Path, whole: Path) -> None:
    shutil.copytree(whole, "runs/b")
    done("train", toy, "--resume", "--out", "runs/b", *(part for setting in SETTINGS for part in ("--set", setting)))


def test_another_data_set_is_refused(toy: Path, whole: Path) -> None:
    shutil.copytree(whole, "runs/b")
    write_sequences(Path("other.txt"), seed=1)
    done("prepare", "sequences", "--from", "other.txt", "--out", "data/other")
    agree(
        refused("train", "other", "--resume", "--out", "runs/b"),
        r"^runs/b: was begun on another data set \(fingerprint [0-9a-f]{12} there, [0-9a-f]{12} here\); `fearec train ",
    )
    assert contents(Path("runs/b")) == contents(whole)


def test_where_no_run_has_begun_one_begins_if_a_data_set_is_named(toy: Path, whole: Path) -> None:
    agree(
        refused("train", "--resume", "--out", "runs/none"),
        "^--resume: no run has begun in runs/none; name a data set to begin one there$",
    )
    b = Path("runs/b")
    b.mkdir(parents=True)
    # As a run leaves it that is killed before its first state.
    shutil.copy(whole / "run.toml", b)
    (b / "last").mkdir()
    (b / "last" / ".state-0.safetensors.abc").touch()
    agree(refused("train", toy, *RUN, "--out", b), "^runs/b: is not empty; .*, continue the run there with --resume")
    done("train", toy, *RUN, "--max-steps", "1", "--resume", "--out", b)
    assert settings_of(b)["training"]["max_steps"] == 1


def test_what_is_not_a_run_is_not_resumed(toy: Path, whole: Path) -> None:
    b = Path("runs/b")
    shutil.copytree(whole, b)
    shutil.rmtree(b / "last")  # the weights are somebody's result
    problem = "^runs/b: holds other files, and no state to resume from; choose another --out$"
    agree(refused("train", toy, *RUN, "--resume", "--out", b), problem)
    agree(refused("train", toy, "--resume", "--out", "data/toy/dataset.json"), "dataset.json: is not a directory")


def test_a_run_says_what_it_was_begun_with(toy: Path, stopping) -> None:
    stopping([1])
    stopped("train", toy, *RUN, "--out", "runs/b")
    about = tomllib.loads(Path("runs/b/run.toml").read_text())["run"]
    assert (about["data"], about["preset"]) == ("toy", "sasrec-causal")
    assert open_prepared(toy).fingerprint.startswith(about["fingerprint"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", about["begun"])
    assert about["versions"].keys() == {"fearec", "torch"}
    done("train", "--resume", "--out", "runs/b", "--max-steps", "2")
    assert tomllib.loads(Path("runs/b/run.toml").read_text())["run"] == about
    # It is a configuration too, and none of it is a setting.
    done("train", toy, "--config", "runs/b/run.toml", "--out", "runs/c")
    assert settings_of(Path("runs/c")) == settings_of(Path("runs/b"))


def cut_short(state: Path) -> None:
    state.write_bytes(state.read_bytes()[:-100])


def turn_a_bit(state: Path) -> None:
    content = bytearray(state.read_bytes())
    content[-1000] ^= 1
    state.write_bytes(content)


@pytest.mark.parametrize("damage", [cut_short, turn_a_bit])
def test_a_damaged_state_is_named_and_the_one_before_is_used(
    toy: Path, whole: Path, damage: Callable[[Path], None]
) -> None:
    b = Path("runs/b")
    done("train", toy, *RUN, "--max-steps", "20", "--out", b)
    newest, before = state_files(b).values()
    assert (newest, before) == (state_file(b, 20), state_file(b, 18))
    damage(newest)
    result = fearec("train", "--resume", "--out", b, "--max-steps", "0")
    assert result.code == 0
    assert result.err.startswith(f"warning: {newest}: is not a complete state (")
    assert result.err.endswith(f"); going on from {before}\n")
    assert same(tensors(b / STATE), tensors(whole / STATE))
    assert same(tensors(b / "best.safetensors"), tensors(whole / "best.safetensors"))
    assert timeless(b) == timeless(whole)
    # The damaged one has not taken the place of a good one.
    assert list(state_files(b)) == [27, 18]


def test_a_run_whose_states_are_all_damaged_is_refused(toy: Path, whole: Path) -> None:
    shutil.copytree(whole, "runs/b")
    for state in state_files(Path("runs/b")).values():
        cut_short(state)
    before = contents(Path("runs/b"))
    for dataset in ([], [toy]):
        result = fearec("train", *dataset, "--resume", "--out", "runs/b")
        assert result.code == 2
        assert re.fullmatch(
            r"error: runs/b/last/state-27\.safetensors: is not a complete state \(.*\); "
            r"runs/b/last/state-18\.safetensors: is not a complete state \(.*\); start .* again with another --out\n",
            result.err,
        )
    assert contents(Path("runs/b")) == before


def test_which_run_is_to_be_resumed_must_be_said(toy: Path) -> None:
    result = fearec("train", toy, "--resume")
    assert (result.code, result.err) == (2, "error: --resume: name the run's directory with --out\n")


def test_a_run_is_never_trained_over(toy: Path, whole: Path) -> None:
    shutil.copytree(whole, "runs/b")
    result = fearec("train", toy, *RUN, "--out", "runs/b")
    assert result.code == 2
    assert result.err == (
        "error: runs/b: is not empty; choose another --out, continue the run there with --resume, or remove it\n"
    )
    assert contents(Path("runs/b")) == contents(whole)
