"""The format on disk: a faithful round trip, and a clear word for every way it can be broken."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fearec_cli.api import Log, Source
from fearec_cli.data.interactions import Interactions
from fearec_cli.data.manifest import Manifest, describe
from fearec_cli.data.ordering import Ordering
from fearec_cli.data.prepared import find_prepared, is_prepared, locate_dataset, open_prepared, write_prepared
from fearec_cli.data.settings import Settings
from fearec_cli.data.split_rules import LeaveOneOut
from fearec_cli.errors import DataError, OutputError


def interactions(*, times: bool = True, users: tuple[str, ...] = ("007", "NA")) -> Interactions:
    return Interactions(
        items=np.array([1, 2, 3, 3, 1, 2, 1], dtype=np.int32),
        offsets=np.array([0, 4, 7]),
        timestamps=np.arange(7) * 10**15 if times else None,
        raw_users=pl.Series(users),
        raw_items=pl.Series(["x", "null", 'quote " and, comma']),
    )


def manifest_of(content: Interactions, settings: Settings | None = None) -> Manifest:
    log = Log(
        frame=pl.LazyFrame(),
        source=Source(adapter="csv", location="a.csv", sha256="ab"),
        notes={"planted": [{"days": 7}]},
    )
    return describe(
        log,
        content,
        LeaveOneOut(),
        settings or Settings(),
        name="small",
        options={"unit": "ms"},
        ordering=Ordering(by=("time",), tied=2, tied_last=1, forward=3),
        kept={"in the source": 9},
        made_by={"fearec": "1"},
    )


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    content = interactions()
    write_prepared(tmp_path / "small", manifest_of(content), content)
    return tmp_path / "small"


@pytest.mark.parametrize("times", [True, False])
def test_round_trip(tmp_path: Path, times: bool) -> None:
    content = interactions(times=times)
    manifest = manifest_of(content)
    write_prepared(tmp_path / "d", manifest, content)
    found = open_prepared(tmp_path / "d")
    assert found.manifest == manifest
    assert (found.name, found.fingerprint, found.n_users, found.n_items) == (
        "small",
        content.fingerprint(),
        2,
        3,
    )
    np.testing.assert_array_equal(found.items, content.items)
    np.testing.assert_array_equal(found.offsets, content.offsets)
    assert found.items.dtype == np.int32
    assert found.offsets.dtype == np.int64
    if content.timestamps is None:
        assert found.timestamps is None
    else:
        np.testing.assert_array_equal(found.timestamps, content.timestamps)
    assert found.user_ids() == ["007", "NA"]
    assert found.item_ids() == ["x", "null", 'quote " and, comma']
    assert sorted(file.name for file in found.directory.iterdir()) == [
        "dataset.json",
        "interactions.safetensors",
        "items.parquet",
        "users.parquet",
    ]


def test_the_arrays_are_mapped_and_the_file_cannot_be_changed_through_them(directory: Path) -> None:
    before = (directory / "interactions.safetensors").read_bytes()
    found = open_prepared(directory)
    assert not found.items.flags.owndata
    found.items[0] = 3
    assert (directory / "interactions.safetensors").read_bytes() == before


def test_the_fingerprint_is_this_one_on_every_machine() -> None:
    assert interactions().fingerprint() == "9eb230c31e2f086899b6d91aa9d3e9b83928a8cd37be94940853497dfd2170b4"


def test_the_fingerprint_tells_content_apart() -> None:
    prints = {
        interactions().fingerprint(),
        interactions(times=False).fingerprint(),
        interactions(users=("7", "NA")).fingerprint(),
        interactions(users=('007", "NA', "")).fingerprint(),
    }
    assert len(prints) == 4


def test_same_data_is_same_content_by_the_same_choices() -> None:
    content = interactions()
    manifest = manifest_of(content)
    assert manifest.same_data(manifest.model_copy(update={"name": "other"}))
    assert not manifest.same_data(manifest_of(content, Settings(k_core=3)))
    assert not manifest.same_data(manifest_of(interactions(times=False)))


def test_nothing_is_replaced_unasked(directory: Path) -> None:
    content = interactions(times=False)
    with pytest.raises(OutputError, match="already exists"):
        write_prepared(directory, manifest_of(content), content)
    write_prepared(directory, manifest_of(content), content, replace=True)
    assert open_prepared(directory).timestamps is None


def edit(change: Callable[[dict[str, object]], None]) -> Callable[[Path], None]:
    def apply(directory: Path) -> None:
        file = directory / "dataset.json"
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return apply


def cut(name: str, keep: int) -> Callable[[Path], None]:
    def apply(directory: Path) -> None:
        file = directory / name
        file.write_bytes(file.read_bytes()[:keep])

    return apply


def flip_last_byte(directory: Path) -> None:
    file = directory / "interactions.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            edit(lambda content: content.update(format=3)),
            r"dataset\.json: has format 3.*newer fearec.*upgrade",
        ),
        (
            edit(lambda content: content.update(format="x")),
            r"dataset\.json: format: .*prepare the data again",
        ),
        (edit(lambda content: content.pop("format")), r"dataset\.json: is damaged \('format'\)"),
        (edit(lambda content: content.pop("counts")), r"dataset\.json: counts: "),
        (edit(lambda content: content.update(extra=1)), r"dataset\.json: extra: "),
        (cut("dataset.json", 40), r"dataset\.json: is damaged"),
        (cut("interactions.safetensors", 4), r"interactions\.safetensors: is missing or damaged"),
        (cut("interactions.safetensors", 200), r"interactions\.safetensors: is missing or damaged"),
        (cut("users.parquet", 100), r"users\.parquet: is missing or damaged"),
        (flip_last_byte, r"files are not those that dataset\.json was written for"),
        (lambda directory: (directory / "items.parquet").unlink(), r"items\.parquet: is missing or damaged"),
        (lambda directory: (directory / "interactions.safetensors").unlink(), r"safetensors: is missing"),
        (lambda directory: (directory / "dataset.json").unlink(), r"is not a prepared data set.*fearec prepare"),
        (lambda directory: (directory / "dataset.json").write_text("[]"), r"dataset\.json: is damaged"),
    ],
)
def test_every_damage_is_named_in_one_line(directory: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(directory)
    with pytest.raises(DataError, match=message) as caught:
        open_prepared(directory)
    assert "\n" not in str(caught.value)


def test_a_missing_directory_tells_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no such directory; make it by `fearec prepare"):
        open_prepared(tmp_path / "none")


def test_find_prepared_passes_over_what_it_cannot_read(directory: Path) -> None:
    (directory.parent / "broken").mkdir()
    (directory.parent / "broken" / "dataset.json").write_text("{")
    assert find_prepared(interactions().fingerprint(), directory.parent) == directory
    assert find_prepared("0" * 64, directory.parent) is None
    assert find_prepared("0" * 64, directory.parent / "none") is None


def test_locate_dataset(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = directory.parent / "work"
    (work / "data").mkdir(parents=True)
    directory.rename(work / "data" / "small")
    monkeypatch.chdir(work)
    assert locate_dataset("small") == Path("data/small")
    assert locate_dataset("data/small") == Path("data/small")
    assert is_prepared(locate_dataset(str(work / "data" / "small")))
    with pytest.raises(DataError, match=r"no data set 'demo' is prepared.*\(prepared: small\); `fearec prepare demo`"):
        locate_dataset("demo")
    with pytest.raises(DataError, match=r"data: is not a prepared data set; make one"):
        locate_dataset("data")
    with pytest.raises(DataError, match=r"other/place: is not a prepared data set"):
        locate_dataset("other/place")
