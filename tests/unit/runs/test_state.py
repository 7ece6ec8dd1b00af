"""The state of a run: saved and read again, everything goes on as if nothing had happened."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from fearec_cli.config import RunConfig
from fearec_cli.errors import CheckpointError, DamagedError
from fearec_cli.model.average import WeightAverage
from fearec_cli.runs.safetensors_file import checksum
from fearec_cli.runs.state import Best, RunProgress, RunState
from support.commands import same
from support.tiny import config, encoder, sequences_batch

SETTINGS = config("model.layers=1", preset="sasrec")
CONFIG, FINGERPRINT = SETTINGS.identity(), "ab12"


def state(seed: int) -> RunState:
    model = encoder(SETTINGS, n_items=20, seed=seed).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    return RunState(RunProgress(), model, optimizer, torch.Generator().manual_seed(seed), torch.zeros(2))


def step(run: RunState) -> None:
    """Something that uses weights, optimiser and every random generator."""
    ids, lengths = sequences_batch([3, 8], SETTINGS.model.max_length, 20, "right", seed=run.progress.step)
    noise = torch.rand(1, generator=run.draws).item()
    loss = run.encoder.represent(ids, lengths).square().mean() * (1 + noise)
    run.optimizer.zero_grad()
    loss.backward()
    run.optimizer.step()
    run.progress.step += 1
    run.losses += loss.detach()


def test_a_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    run = state(0)
    torch.manual_seed(5)
    for _ in range(3):
        step(run)
    run.save(tmp_path / "state.safetensors", CONFIG, FINGERPRINT)
    for _ in range(3):
        step(run)

    other = state(1)
    torch.manual_seed(6)
    other.load(tmp_path / "state.safetensors", SETTINGS, FINGERPRINT)
    assert other.progress == RunProgress(step=3)
    for _ in range(3):
        step(other)
    for name, value in run.encoder.state_dict().items():
        assert value.equal(other.encoder.state_dict()[name]), name
    assert run.losses.equal(other.losses)
    run.save(tmp_path / "one.safetensors", CONFIG, FINGERPRINT)
    other.save(tmp_path / "other.safetensors", CONFIG, FINGERPRINT)
    one, same = load_file(tmp_path / "one.safetensors"), load_file(tmp_path / "other.safetensors")
    assert one.keys() == same.keys()
    assert all(value.equal(same[name]) for name, value in one.items())


def test_every_part_of_the_place_is_kept(tmp_path: Path) -> None:
    run = state(0)
    step(run)
    run.progress = RunProgress(
        epoch=2, step_in_epoch=5, step=45, seconds=0.1 + 0.2, best=Best(value=1 / 3, epoch=2), worse=1
    )
    run.progress.closing = Best(value=0.4, epoch=3)
    run.save(tmp_path / "state.safetensors", CONFIG, FINGERPRINT)
    other = state(0)
    other.load(tmp_path / "state.safetensors", SETTINGS, FINGERPRINT)
    assert other.progress == run.progress


@pytest.mark.parametrize(
    ("other", "fingerprint", "what"),
    [
        (
            config("model.layers=2", preset="sasrec"),
            FINGERPRINT,
            r"model.layers is 1 there and 2 here; `fearec ",
        ),
        (SETTINGS, "cd34", r"was begun on another data set \(fingerprint ab12 there, cd34 here\); "),
    ],
)
def test_the_state_of_another_run_is_refused(tmp_path: Path, other: RunConfig, fingerprint: str, what: str) -> None:
    run = state(0)
    step(run)
    run.save(tmp_path / "state.safetensors", CONFIG, FINGERPRINT)
    before = {name: value.clone() for name, value in run.encoder.state_dict().items()}
    with pytest.raises(CheckpointError, match=what):
        run.load(tmp_path / "state.safetensors", other, fingerprint)
    assert all(value.equal(before[name]) for name, value in run.encoder.state_dict().items())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a state."""
    run, path = state(0), tmp_path_factory.mktemp("saved") / "state.safetensors"
    step(run)
    run.save(path, CONFIG, FINGERPRINT)
    return path.read_bytes()


@pytest.mark.parametrize("keep", [0, 4, 30, 500])
def test_a_state_that_is_cut_short_is_reported(tmp_path: Path, keep: int) -> None:
    run, path = state(0), tmp_path / "state.safetensors"
    step(run)
    run.save(path, CONFIG, FINGERPRINT)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DamagedError, match="is not a complete state"):
        run.load(path, SETTINGS, FINGERPRINT)


@given(at=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_a_state_of_which_a_bit_was_turned_is_reported(saved: bytes, tmp_path_factory, at: int, bit: int) -> None:
    path = tmp_path_factory.mktemp("run") / "state.safetensors"
    turned = bytearray(saved)
    turned[at % len(saved)] ^= 1 << bit
    path.write_bytes(turned)
    run = state(1)
    before = {name: value.clone() for name, value in run.encoder.state_dict().items()}
    with pytest.raises(DamagedError, match="is not a complete state"):
        run.load(path, SETTINGS, FINGERPRINT)
    assert same(run.encoder.state_dict(), before)
    assert run.progress == RunProgress()


def test_a_place_that_is_none_is_reported(tmp_path: Path) -> None:
    run, path = state(0), tmp_path / "state.safetensors"
    step(run)
    run.save(path, CONFIG, FINGERPRINT)
    texts, arrays = {"config": CONFIG, "fingerprint": FINGERPRINT, "place": "{}x"}, load_file(path)
    save_file(arrays, path, {**texts, "checksum": checksum(texts, arrays)})
    with pytest.raises(DamagedError, match="the run's progress cannot be read"):
        run.load(path, SETTINGS, FINGERPRINT)


def test_the_average_of_the_weights_is_kept(tmp_path: Path) -> None:
    run = state(0)
    run.average = WeightAverage(run.encoder, 0.9)
    for _ in range(3):
        step(run)
        run.average.follow(run.encoder)
    run.save(tmp_path / "state.safetensors", CONFIG, FINGERPRINT)
    other = state(1)
    other.average = WeightAverage(other.encoder, 0.9)
    other.load(tmp_path / "state.safetensors", SETTINGS, FINGERPRINT)
    assert same(other.encoder.state_dict(), run.encoder.state_dict())
    assert same(other.evaluated.state_dict(), run.evaluated.state_dict())
    assert not same(other.evaluated.state_dict(), other.encoder.state_dict())


def test_a_state_that_is_older_than_a_setting_goes_on_with_its_default(tmp_path: Path) -> None:
    run = state(0)
    without = [line for line in CONFIG.splitlines() if not line.startswith(("targets", "positions", "repeats"))]
    run.save(tmp_path / "state.safetensors", "\n".join(without), FINGERPRINT)
    run.load(tmp_path / "state.safetensors", SETTINGS, FINGERPRINT)
    with pytest.raises(CheckpointError, match=r"training.targets is last there and all here"):
        run.load(tmp_path / "state.safetensors", config("training.targets=all", preset="sasrec"), FINGERPRINT)
