"""Runs that several processes share: the same as that of one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from support.commands import TINY, contents, done, fearec, metadata, records, same, tensors, timeless
from support.processes import command, failing, killed, signalled, together

# Steps of 33: the processes take 17 and 16 rows, and of the last step of an epoch, which has 30, 15 each. Where the
# FFT of `spectral` is over dimensions, its bin 0 is a sum that the last LayerNorm makes 0 at the start: the loss
# has a kink there, whose side rounding decides.
RUN = (
    *TINY,
    *("--loss", "ce+0.1*contrast+0.1*spectral", "--set", "spectral.axis=time", "--set", "training.batch_size=33"),
    *("--set", "training.learning_rate=0.001", "--epochs", "2"),
)
# Every position of windows, scores of repeats that learn beside the encoder, views of drawn positions, a memory.
WINDOWS = (
    *TINY,
    *("--preset", "sasrec-causal", "--loss", "ce+0.1*contrast+0.1*memory-contrast", "--epochs", "2"),
    *("--set", "training.drawn_positions=7", "--set", "training.warmup_steps=0"),
)
NO_DROPOUT = ("--set", "model.hidden_dropout=0", "--set", "model.attention_dropout=0")


def state(run: Path) -> Path:
    """The newest state of a run."""
    return max((run / "last").glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)


def shared(*arguments: str | Path) -> str:
    """What two processes print that end well."""
    first, other = command(*arguments)
    assert (first.code, first.err) == (0, "")
    assert other == (0, "", "")
    return first.out


@pytest.mark.parametrize("run", [RUN, WINDOWS], ids=["prefixes", "windows"])
def test_two_processes_train_what_one_trains(toy: Path, run: tuple[str, ...]) -> None:
    done("train", toy, *run, *NO_DROPOUT, "--out", "runs/one")
    printed = shared("train", toy, *run, *NO_DROPOUT, "--out", "runs/two")
    assert "2 processes on cpu" in printed
    one, two = (tensors(Path("runs") / name / "best.safetensors") for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, weights in one.items():
        assert (weights.float() - two[name].float()).abs().max() < 1e-5, name
    assert "repeats" not in " ".join(two) or two["model.repeats.bias"].any()
    for alone, together_ in zip(timeless(Path("runs/one")), timeless(Path("runs/two")), strict=True):
        assert together_["valid"] == alone["valid"]
        assert together_["loss"] == pytest.approx(alone["loss"], abs=1e-5)
        assert together_["terms"] == pytest.approx(alone["terms"], abs=1e-5)
    # What two have trained, one reads.
    assert "NDCG@10" in done("evaluate", "runs/two/best.safetensors", toy)


@pytest.mark.parametrize("run", [RUN, WINDOWS], ids=["prefixes", "windows"])
def test_two_processes_stopped_and_continued_are_as_if_never_stopped(toy: Path, run: tuple[str, ...]) -> None:
    shared("train", toy, *run, "--max-steps", "12", "--out", "runs/whole")
    shared("train", toy, *run, "--max-steps", "5", "--out", "runs/b")
    shared("train", toy, "--resume", "--max-steps", "12", "--out", "runs/b")
    whole, continued = (tensors(state(Path("runs") / name)) for name in ("whole", "b"))
    assert "random.own.1" in whole
    assert not whole["random.own.0"].equal(whole["random.own.1"])
    assert same(continued, whole)
    # One process takes up what two have left.
    done("train", toy, "--resume", "--max-steps", "14", "--devices", "1", "--out", "runs/b")
    assert records(Path("runs/b"))[-1]["step"] == 14


@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_one_process_ends_all_after_the_same_step(toy: Path, rank: int) -> None:
    run = ("train", toy, *RUN[:-2], "--epochs", "1000", "--out", "runs/b")
    first, other = together(signalled, rank, 3, *run)
    assert (first.code, first.err) == (130, "")
    assert "interrupted after " in first.out
    assert other == (0, "", "")
    stopped = json.loads(metadata(state(Path("runs/b")))["place"])["step"]
    assert stopped >= 3

    shared("train", toy, "--resume", "--max-steps", str(stopped + 5), "--out", "runs/b")
    shared("train", toy, *RUN[:-2], "--epochs", "1000", "--max-steps", str(stopped + 5), "--out", "runs/whole")
    assert same(tensors(state(Path("runs/b"))), tensors(state(Path("runs/whole"))))


ENDED = "error: another process of the run has ended or does not answer; "


def test_what_goes_wrong_everywhere_is_reported_once(toy: Path) -> None:
    first, other = together(failing, (0, 1), "train", toy, *RUN, "--out", "runs/b")
    assert (first.code, first.err) == (2, "error: made to fail\n")
    assert other == (2, "", "")


def test_what_goes_wrong_in_the_first_process_ends_the_other(toy: Path) -> None:
    first, other = together(failing, (0,), "train", toy, *RUN, "--out", "runs/b")
    assert (first.code, first.err) == (2, "error: made to fail\n")
    assert other == (2, "", "")


def test_what_goes_wrong_in_another_process_is_reported_by_it_and_ends_the_first(toy: Path) -> None:
    first, other = together(failing, (1,), "train", toy, *RUN, "--out", "runs/b")
    assert (other.code, other.err) == (2, "error: process 1: made to fail\n")
    assert first.code == 2
    assert first.err.startswith(ENDED)
    assert first.err.count("\n") == 1


def test_a_process_that_dies_ends_the_others(toy: Path) -> None:
    first, other = together(killed, 1, "train", toy, *RUN, "--out", "runs/b")
    assert other is None
    assert first.code == 2
    assert first.err.startswith(ENDED)


def test_a_data_set_that_is_not_there_is_reported_once() -> None:
    first, other = command("train", "data/nowhere", *RUN, "--out", "runs/b")
    assert first.code == 2
    assert first.err.startswith("error: data/nowhere: ")
    assert other == (2, "", "")


@pytest.mark.parametrize("program", [["fearec"], ["python", "-m", "fearec_cli"]], ids=" ".join)
def test_the_command_starts_the_other_processes_itself(toy: Path, program: list[str]) -> None:
    name, *rest = program
    run = subprocess.run(
        [Path(sys.executable).with_name(name), *rest, "train", toy, *RUN, "--devices", "2", "--max-steps", "3"],
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "2 processes on cpu" in run.stdout
    assert run.stdout.count("stopped by max-steps after 3 steps") == 1
    assert [path.name for path in Path("runs").iterdir()] == ["toy-fearec"]


def test_half_precision_trains_and_leaves_a_float32_checkpoint(toy: Path) -> None:
    """On data that can be learned, bfloat16 reaches what float32 reaches."""
    reached = {}
    for precision in ("32-true", "bf16-mixed", "bf16-true"):
        out = Path("runs") / precision
        done("train", toy, *TINY, "--preset", "sasrec", "--epochs", "6", "--precision", precision, "--out", out)
        reached[precision] = max(line["valid"]["unmasked"]["NDCG@10"] for line in records(out))
        weights = tensors(out / "best.safetensors")
        assert {value.dtype for name, value in weights.items() if name.startswith("model.")} == {torch.float32}
        # What validation has found is what the checkpoint gives.
        done("evaluate", out / "best.safetensors", toy, "--split", "valid", "--k", "10", "--json", f"{precision}.json")
        found = json.loads(Path(f"{precision}.json").read_text())["protocols"]["unmasked"]["NDCG@10"]
        assert found == pytest.approx(reached[precision], abs=1e-6)
    assert reached["bf16-mixed"] == pytest.approx(reached["32-true"], abs=0.05)
    assert reached["bf16-true"] > 0.5 * reached["32-true"]


def test_half_precision_resumes_bit_for_bit(toy: Path) -> None:
    run = ("train", toy, *TINY, "--precision", "bf16-true", "--epochs", "9")
    done(*run, "--max-steps", "12", "--out", "runs/whole")
    done(*run, "--max-steps", "5", "--out", "runs/b")
    done("train", toy, "--resume", "--max-steps", "12", "--out", "runs/b")
    assert same(tensors(state(Path("runs/b"))), tensors(state(Path("runs/whole"))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--precision", "16-mixed"), "--precision 16-mixed: needs a GPU; use bf16-mixed or 32-true on a CPU"),
        (
            ("--devices", "1000"),
            f"--devices 1000: this machine has {os.cpu_count()} CPU cores, and a process needs one",
        ),
        (("--nodes", "2"), "--nodes 2: this process does not know the other nodes"),
        (("--devices", "0"), "--devices: must be greater than or equal to 1, not 0"),
        (("--precision", "64"), "--precision: must be '32-true', 'bf16-mixed', 'bf16-true' or '16-mixed'"),
    ],
    ids=str,
)
def test_devices_that_cannot_be_had(toy: Path, arguments: tuple[str, ...], message: str) -> None:
    result = fearec("train", toy, *TINY, *arguments, "--out", "runs/b")
    assert result.code == 2
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1
    assert contents(Path("runs")) == {}


def test_torchrun_and_the_configuration_disagree(toy: Path) -> None:
    for result in command("train", toy, *TINY, "--devices", "3", "--out", "runs/b"):
        assert result.code == 2
        assert result.err.startswith(
            "error: --devices 3 --nodes 1: torchrun has started 2 processes on each of 1 nodes"
        )


def test_a_batch_size_is_found_on_one_device(toy: Path) -> None:
    first, other = command("train", toy, *TINY, "--batch-size", "auto", "--out", "runs/b")
    assert (first.code, first.err.startswith("error: --batch-size auto: tries on one device")) == (2, True)
    assert other == (2, "", "")
    assert contents(Path("runs")) == {}
