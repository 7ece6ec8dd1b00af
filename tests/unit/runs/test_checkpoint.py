"""The checkpoint: what goes in comes out, and it is enough by itself."""

import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from fearec_cli.components.registry import Registry, load_components
from fearec_cli.config import Recipe, RunConfig
from fearec_cli.data.batches import gather_histories
from fearec_cli.data.split_rules import LeaveOneOut
from fearec_cli.errors import CheckpointError, OutputError
from fearec_cli.model.build import build_encoder
from fearec_cli.runs import checkpoint
from fearec_cli.runs.checkpoint import FORMAT, CheckpointInfo, describe, load_checkpoint, save_checkpoint
from support.tiny import config, encoder

CPU = torch.device("cpu")
METRICS = {"unmasked": {"HR@10": 1 / 3}, "seen-masked": {"HR@10": 0.1}}
SETTINGS = config("model.layers=1", preset="sasrec")


def info(run: RunConfig) -> CheckpointInfo:
    data = {"dataset": "shop", "fingerprint": "ab12", "split": LeaveOneOut()}
    return describe(Recipe.of(run, load_components()), **data, step=7, metrics=METRICS)


def saved(path: Path, item_ids: list[str], run: RunConfig = SETTINGS) -> Path:
    save_checkpoint(path, encoder(run, n_items=len(item_ids)), item_ids, info(run))
    return path


@pytest.mark.parametrize("preset", ["fearec", "sasrec"])
@pytest.mark.parametrize("padding", ["right", "left"])
def test_what_is_saved_is_read_again(tmp_path: Path, preset: str, padding: str) -> None:
    run = config(f"model.padding={padding}", preset=preset)
    before = encoder(run, n_items=5)
    save_checkpoint(tmp_path / "c.safetensors", before, list("abcde"), info(run))
    after = load_checkpoint(tmp_path / "c.safetensors", CPU)
    assert after.info == info(run)
    assert after.recipe.config == run
    assert after.item_ids == list("abcde")
    assert not after.encoder.training
    items, ends = torch.tensor([1, 5, 2, 4, 3]), torch.tensor([3, 5])
    histories = gather_histories(items, torch.tensor([0, 1]), ends, before.max_length, before.padding)
    assert after.encoder.represent(*histories).equal(before.represent(*histories))
    assert after.encoder.item_table().equal(before.item_table())


ODD = [
    "",
    " ",
    "a,b",
    "a\nb",
    "é",
    "商品",
    "🛒",
    "👩‍👩‍👧",
    "\0",
    '"',
    "\\",
    "0",
    "007",
    "NA",
    "null",
    "x" * 10_000,
    "\u2028",
    "a\u0301",
]


def test_item_ids_may_be_any_text(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.safetensors", ODD)
    assert load_checkpoint(path, CPU).item_ids == ODD


@settings(max_examples=20)
@given(st.lists(st.text(), min_size=1, max_size=12, unique=True))
def test_no_item_id_is_changed(item_ids: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = saved(Path(place) / "c.safetensors", item_ids)
        assert load_checkpoint(path, CPU).item_ids == item_ids


def test_a_single_empty_id_is_an_id(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.safetensors", [""])
    assert load_checkpoint(path, CPU).item_ids == [""]


def test_what_it_tells_of_itself(tmp_path: Path) -> None:
    with safe_open(saved(tmp_path / "c.safetensors", ["a", "b"]), framework="pt") as file:
        assert set(file.metadata()) == {"checksum", "fearec"}
        told = CheckpointInfo.model_validate_json(file.metadata()["fearec"])
    assert told.format == FORMAT
    assert told.config == SETTINGS.to_toml()
    assert (told.dataset, told.fingerprint, told.step) == ("shop", "ab12", 7)
    assert told.metrics == METRICS
    assert sorted((part.name, part.kind) for part in told.components) == [
        ("ce", "loss"),
        ("dot", "attention"),
        ("mix", "fusion"),
        ("none", "filter"),
    ]
    by_name = {entry.name: entry for entry in load_components()}
    assert all(part.package == by_name[part.name].package for part in told.components)
    assert all(part.version == by_name[part.name].version for part in told.components)


def test_a_part_that_nobody_offers_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "c.safetensors", ["a", "b"])
    without = Registry([entry for entry in load_components() if entry.name not in ("dot", "ce")])
    version = load_components().find("dot").version
    monkeypatch.setattr(checkpoint, "load_components", lambda: without)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, CPU)
    assert str(caught.value) == (
        f"{path}: was made with the attention 'dot' of fearec {version}, the loss 'ce' of fearec {version}, "
        f"which is not installed; `pip install fearec=={version}`"
    )


def test_reading_leaves_the_file_as_it_is_and_takes_no_part_of_it_by_reference(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.safetensors", ["a", "b"])
    before = path.read_bytes()
    loaded = load_checkpoint(path, CPU)
    with torch.no_grad():
        for parameter in loaded.encoder.parameters():
            parameter.zero_()
    assert path.read_bytes() == before


def test_another_checkpoint_in_its_place_is_kept_when_it_cannot_be_written(tmp_path: Path, monkeypatch) -> None:
    path = saved(tmp_path / "c.safetensors", ["a", "b"])
    before = path.read_bytes()

    def fail(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OutputError, match=r"c\.safetensors: cannot be written: No space left"):
        saved(path, ["x", "y", "z"])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_another_catalogue_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, build_encoder(Recipe.of(SETTINGS, load_components()), 3), ["a", "b"], info(SETTINGS))
    with pytest.raises(CheckpointError, match="its weights do not fit its configuration"):
        load_checkpoint(path, CPU)


def test_the_header_does_not_grow_with_the_catalogue(tmp_path: Path) -> None:
    sizes = []
    for count in (10, 20_000):
        with saved(tmp_path / "c.safetensors", [f"item-{row:09d}" for row in range(count)]).open("rb") as file:
            sizes.append(int.from_bytes(file.read(8), "little"))
    assert sizes[1] - sizes[0] < 200  # numbers of more digits; the format allows 100 MB
