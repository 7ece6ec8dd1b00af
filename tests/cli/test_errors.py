"""Everything a user can get wrong: exit status 2, a line for each problem, what to do next, nothing left behind."""

import errno
import gzip
import json
import os
import re
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fearec_cli.cli.show.progress import PlainReporter
from fearec_cli.components.registry import load_components
from fearec_cli.runs.directory import state_file
from support.commands import (
    TINY,
    agree,
    contents,
    description,
    done,
    fearec,
    metadata,
    records,
    refused,
    sequences,
    tensors,
    write_sequences,
)

SASREC = ("--preset", "sasrec", *TINY)
BEST = "runs/toy/best.safetensors"
LOG = "log.txt"


def write(text: str, name: str = LOG) -> None:
    Path(name).write_text(text)


# --- configuration -------------------------------------------------------------------------------------

CONFIGURATIONS = {
    "unknown attention": (
        ["--attention", "ramp+autocor"],
        [r"no attention is called 'autocor'; did you mean .*autoco"],
    ),
    "unknown filter": (["--filter", "windw"], ["no filter is called 'windw'; did you mean the filter 'window'"]),
    "unknown fusion": (["--fusion", "zzz"], ["no fusion is called 'zzz'; there are these of kind fusion: .*mix"]),
    "unknown loss": (["--loss", "ce+contrst"], ["no loss is called 'contrst'; did you mean the loss 'contrast'"]),
    "of another kind": (["--filter", "ramp"], ["'ramp' is an attention, not a filter; there are these of kind filter"]),
    "unknown option": (["--set", "autocorr.topk=1"], ["autocorr.topk: there is no such option; did you mean 'top_k'"]),
    "unknown table": (["--set", "modle.dim=8"], ["modle: there is no such setting or component; did you mean 'model'"]),
    "option of no part": (["--set", "dot.x=1"], ["dot: options are given, but 'dot' is not a component of this model"]),
    "below its bound": (["--set", "window.alpha=0"], [r"window\.alpha: .* not 0 \(allowed: > 0, <= 1\)"]),
    "above its bound": (["--set", "window.alpha=1.5"], [r"window\.alpha: .* not 1\.5 \(allowed: > 0, <= 1\)"]),
    "of another type": (["--set", "model.dim=big"], [r'model\.dim: .* not "big"']),
    "not one of the choices": (["--set", "model.padding=up"], [r"model\.padding: .*'right' or 'left'"]),
    "no assignment": (["--set", "model.dim"], ["--set model.dim: is not NAME.OPTION=VALUE, as in "]),
    "unclosed text": (["--set", 'model.padding="left'], ["--set model.padding=.* is not a TOML value"]),
    "heads that do not divide": (["--set", "model.heads=3"], [r"model\.heads: 3 heads do not divide model\.dim = 64"]),
    "unknown preset": (["--preset", "sasrek"], ["no preset is called 'sasrek'; did you mean 'sasrec'"]),
    "unknown metric": (["--set", "training.metric=AUC@10"], [r'training\.metric: .*HR@k, NDCG@k or MRR@k.*"AUC@10"']),
    "metric without a length": (["--set", "training.metric=HR@0"], [r"training\.metric: "]),
    "no steps": (["--epochs", "0"], [r"--epochs: .*>= 1"]),
    "negative seed": (["--seed", "-1"], [r"--seed: .*>= 0"]),
    "unknown device": (["--device", "banana"], [r"--device: .*auto, cpu, cuda or cuda:N"]),
    "missing file": (["--config", "no.toml"], [r"no\.toml: cannot be read: No such file"]),
    "weight that is none": (["--loss", "x*ce"], ["loss 'x\\*ce': the weight 'x' of 'ce' is not a positive number"]),
    "branch twice": (["--attention", "ramp+ramp"], ["attention 'ramp\\+ramp': 'ramp' appears more than once"]),
    "several at once": (
        [
            *("--preset", "sasrek", "--config", "no.toml", "--attention", "ramp+autocor", "--loss", "cee"),
            *("--set", "window.alpha=2", "--set", "model.dims=3", "--set", "model.heads=0", "--set", "oops"),
        ],
        [
            "no preset is called 'sasrek'",
            r"no\.toml: cannot be read",
            "--set oops: is not NAME.OPTION=VALUE",
            "no attention is called 'autocor'",
            "no loss is called 'cee'; did you mean the loss 'ce'",
            r"model\.heads: .* not 0",
            r"model\.dims: there is no such option; did you mean 'dim'",
            r"window\.alpha: .* not 2",
        ],
    ),
}


@pytest.mark.parametrize(("arguments", "problems"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_configuration(toy: Path, arguments: list[str], problems: list[str]) -> None:
    preset = () if "--preset" in arguments else ("--preset", "fearec")
    lines = refused("train", toy, *preset, *arguments)
    assert len(lines) == len(problems), lines
    for problem in problems:
        assert any(re.search(problem, line) for line in lines), f"{problem!r} is not in {lines}"
    assert not Path("runs").exists()


def test_a_configuration_file_that_is_no_toml(toy: Path) -> None:
    write("[model\ndim = 3", "mine.toml")
    agree(refused("train", toy, "--config", "mine.toml"), r"mine\.toml: is not TOML: .*line 1")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_there(toy: Path, best: Path) -> None:
    problem = r"device 'cuda' is not available on this machine; use 'auto' or 'cpu'"
    agree(refused("train", toy, "--device", "cuda"), problem)
    agree(refused("evaluate", best, "--device", "cuda"), problem)


@pytest.mark.parametrize("device", ["banana", "xpu", "cuda:99", "meta"])
def test_a_device_that_is_none(best: Path, device: str) -> None:
    agree(refused("evaluate", best, "--device", device), f"device '{device}' is not available on this machine")


@pytest.mark.parametrize("k", ["0", "5,-1", "5,,10", "ten", "1.5"])
def test_lengths_of_the_list(best: Path, k: str) -> None:
    agree(refused("evaluate", best, "--k", k, "--json", "x.json"), "^--k .*: give whole numbers from 1, separated")


# --- logs ----------------------------------------------------------------------------------------------


def columns(**names: str) -> list[str]:
    return [part for option, name in names.items() for part in ("--set", f"csv.{option}={name}")]


def few_long_users() -> str:
    """Users who share no item: nothing is left of their 5-core."""
    return "user,item,timestamp\n" + "".join(f"u{u},i{u}-{i},{i}\n" for u in range(5) for i in range(9))


LOGS: dict[str, tuple[str, list[str], str, str]] = {
    "empty file": ("sequences", [], "", r"log\.txt: is empty"),
    "blank file": ("sequences", [], "\n \n", r"log\.txt: is empty"),
    "line without items": ("sequences", [], "u1 a b c\nu2\n", r"log\.txt, line 2: user 'u2' has no items"),
    "user twice": (
        "sequences",
        [],
        "u a b c\nv a b c\nu a b c\n",
        r"log\.txt, line 3: user 'u' has a line already, line 1",
    ),
    "user too short": (
        "sequences",
        [],
        "u a b c d\nv a b\n",
        r"user 'v' has 2 .*leave-one-out needs 3.*--min-length 3",
    ),
    "nothing to train on": ("sequences", [], "u a b c\nv b c a\n", r"log\.txt: no user has the 4 interactions"),
    "nobody long enough": (
        "sequences",
        ["--min-length", "9"],
        "u a b c d\n",
        r"no user has 9 inter.*lower --min-length",
    ),
    "nothing in the core": ("csv", [], few_long_users(), r"the 5-core is empty.*lower --k-core"),
    "time that is none": (
        "csv",
        [],
        "user,item,timestamp\nu,a,1\nu,b,noon\n",
        r"log\.txt, line 3: the time.*'noon' is not a number",
    ),
    "missing column": (
        "csv",
        columns(user="who"),
        "user,item,timestamp\nu,a,1\n",
        r"log\.txt: has no column 'who' \(csv\.user\); its columns are: user, item, timestamp",
    ),
    "missing id": ("csv", [], "user,item,timestamp\nu,a,1\n,b,2\n", r"log\.txt, line 3: the user .*is missing"),
    "unknown option": (
        "csv",
        columns(usr="u"),
        "user,item\n",
        r"csv\.usr: there is no such option; did you mean 'user'",
    ),
    "option of another source": (
        "sequences",
        columns(user="u"),
        "u a b c\n",
        r"'csv' is not the source; its options are sequences\.OPTION",
    ),
    "rating where there is none": (
        "csv",
        ["--min-rating", "3"],
        "user,item,timestamp\nu,a,1\n",
        "has no ratings that --min-rating could be applied to",
    ),
}


@pytest.mark.parametrize(("source", "arguments", "text", "problem"), LOGS.values(), ids=LOGS)
def test_log(source: str, arguments: list[str], text: str, problem: str) -> None:
    write(text)
    agree(refused("prepare", source, "--from", LOG, *arguments), problem)
    assert not Path("data").exists()


def test_a_log_that_is_not_there() -> None:
    agree(refused("prepare", "sequences", "--from", "no.txt"), r"no\.txt: no such file")


def test_a_log_that_is_not_named() -> None:
    agree(refused("prepare", "sequences"), "sequences: reads a file; name it: `fearec prepare sequences --from FILE`")


def test_a_log_that_is_cut_short() -> None:
    Path("log.txt.gz").write_bytes(gzip.compress(b"u a b c\n" * 100)[:-9])
    agree(refused("prepare", "sequences", "--from", "log.txt.gz"), r"log\.txt\.gz: is not a complete gzip file")


@pytest.mark.parametrize("out", ["log.txt/shop", "/proc/shop"])
def test_an_output_path_that_cannot_be_written(out: str) -> None:
    write_sequences(Path(LOG))
    agree(
        refused("prepare", "sequences", "--from", LOG, "--out", out),
        rf"^{out}: cannot be written: .*; nothing was changed$",
    )


def test_a_source_that_nobody_offers() -> None:
    agree(refused("prepare", "sequnces"), "no source is called 'sequnces'; did you mean the source 'sequences'")


# --- data sets -----------------------------------------------------------------------------------------


def test_a_data_set_that_is_not_there(toy: Path) -> None:
    agree(
        refused("train", "shop"), r"no data set 'shop' is prepared under data/ \(prepared: toy\); `fearec prepare shop`"
    )
    agree(refused("train", "data/shop"), "data/shop: is not a prepared data set; make one by `fearec prepare ")
    assert not Path("runs").exists()


def test_a_data_set_whose_files_were_changed(toy: Path) -> None:
    file = toy / "interactions.safetensors"
    content = bytearray(file.read_bytes())
    content[-4:] = b"\0\0\0\1"
    file.write_bytes(content)
    agree(
        refused("train", toy), r"data/toy: its files are not those that dataset\.json was written for; prepare .* again"
    )


def test_another_data_set_in_its_place(toy: Path) -> None:
    write_sequences(Path(LOG), seed=1)
    problem = r"data/toy: holds a data set that was prepared from other data or otherwise; use --force to replace it"
    agree(refused("prepare", "sequences", "--from", LOG, "--out", "data/toy"), problem)


# --- checkpoints ---------------------------------------------------------------------------------------


def rewrite(path: Path, change: Callable[[dict], object]) -> None:
    """Change what a checkpoint tells of itself."""
    info = description(path)
    change(info)
    arrays = tensors(path)
    save_file(arrays, path, metadata={"fearec": json.dumps(info)})


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-50])


def only_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def text(path: Path) -> None:
    path.write_text("these are no weights")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, path)


def foreign(path: Path) -> None:
    save_file({"weights": torch.zeros(3)}, path)


def newer(path: Path) -> None:
    rewrite(path, lambda info: info.update(format=99))


def nonsense(path: Path) -> None:
    save_file(tensors(path), path, metadata={"fearec": "[1, 2]"})


def not_json(path: Path) -> None:
    save_file(tensors(path), path, metadata={"fearec": "{"})


def without_fields(path: Path) -> None:
    rewrite(path, lambda info: (info.pop("dataset"), info.pop("config")))


def without_toml(path: Path) -> None:
    rewrite(path, lambda info: info.update(config="[model"))


def without_vocabulary(path: Path) -> None:
    info = metadata(path)
    save_file({name: array for name, array in tensors(path).items() if "vocabulary" not in name}, path, metadata=info)


def other_size(path: Path) -> None:
    rewrite(path, lambda info: info.update(config=info["config"].replace("dim = 8", "dim = 4")))


def bad_option(path: Path) -> None:
    rewrite(path, lambda info: info.update(config=info["config"].replace("dim = 8", "dimm = 8\nheadz = 1")))


def foreign_part(path: Path) -> None:
    part = {"name": "wavelet", "kind": "filter", "package": "fearec-wavelet", "version": "0.3.1"}
    rewrite(
        path,
        lambda info: info.update(
            components=[*info["components"], part],
            config=info["config"].replace('filter = "none"', 'filter = "wavelet"') + "\n[wavelet]\nlevels = 3\n",
        ),
    )


CHECKPOINTS: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "gone": (Path.unlink, ["there is no such checkpoint; `fearec train` writes best.safetensors"]),
    "cut short": (truncate, ["is not a complete safetensors file"]),
    "cut to a header": (only_header, ["is not a complete safetensors file"]),
    "text": (text, ["is not a complete safetensors file"]),
    "empty": (empty, ["is not a complete safetensors file"]),
    "pickled": (pickled, ["is not a complete safetensors file"]),
    "foreign": (foreign, ["is a safetensors file, but no checkpoint of fearec; give the best.safetensors of a run"]),
    "newer": (newer, ["has format 99, and this program reads up to 1; upgrade fearec"]),
    "nonsense": (nonsense, ["its description cannot be read"]),
    "no JSON": (not_json, ["its description cannot be read"]),
    "fields gone": (without_fields, ["its description cannot be read: 2 validation errors"]),
    "no TOML": (without_toml, ["its configuration cannot be read"]),
    "item ids gone": (without_vocabulary, ["its item ids are missing or damaged"]),
    "other size": (other_size, ["its weights do not fit its configuration: .*size mismatch"]),
    "unknown options": (
        bad_option,
        [r"model\.dimm: there is no such option", r"model\.headz: there is no such option"],
    ),
    "plugin not installed": (
        foreign_part,
        [
            r"was made with the filter 'wavelet' of fearec-wavelet 0\.3\.1, which is not installed; "
            r"`pip install fearec-wavelet==0\.3\.1`"
        ],
    ),
}


@pytest.mark.parametrize(("damage", "problems"), CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_checkpoint(best: Path, damage: Callable[[Path], None], problems: list[str]) -> None:
    damage(best)
    lines = refused("evaluate", best, "--json", "result.json")
    agree(lines, *problems)
    assert all(line.startswith(f"{best}: ") for line in lines)
    assert refused("recommend", best, "--history", "i1") == lines
    assert refused("serve", best) == lines


def test_a_state_is_no_checkpoint(trained: Path) -> None:
    lines = refused("evaluate", state_file(trained, 18))
    agree(lines, "is a safetensors file, but no checkpoint of fearec")


def test_a_checkpoint_whose_data_set_is_gone(best: Path) -> None:
    shutil.rmtree("data")
    lines = refused("evaluate", best)
    agree(
        lines,
        rf"{best}: its data set 'toy' \(fingerprint [0-9a-f]+\) is not under data/; give its directory: fearec ev",
    )


def test_a_checkpoint_on_another_catalogue(best: Path) -> None:
    write("".join(" ".join([user, *(f"x{item}" for item in items)]) + "\n" for user, items in sequences().items()))
    done("prepare", "sequences", "--from", LOG, "--out", "data/other")
    lines = refused("evaluate", best, "other")
    agree(
        lines,
        r"was trained on 'toy' \(fingerprint .*\), and data/other is another data set .*: "
        r"of its 30 items 30 are missing there, and 30 of the 30 there are new to it",
    )


def test_a_checkpoint_on_the_same_items_otherwise(best: Path) -> None:
    write("".join(" ".join([user, *reversed(items)]) + "\n" for user, items in sequences().items()))
    done("prepare", "sequences", "--from", LOG, "--out", "data/other")
    agree(refused("evaluate", best, "other"), "the items are the same, the interactions or their order are not")


# --- full disks ----------------------------------------------------------------------------------------


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file can grow larger than so many bytes: the system itself refuses, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Disk:
    """Counts how often files are flushed to the disk, and is full from one of these times on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.flushes = 0
        self.full_at = 0
        real = os.fsync

        def fsync(handle: int) -> None:
            self.flushes += 1
            if self.flushes == self.full_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def temporary_files() -> list[str]:
    return [name for name in contents(Path()) if any(part.startswith(".") for part in Path(name).parts)]


@pytest.mark.parametrize("size", [0, 200, 1000, 2000])
def test_no_room_for_a_data_set(size: int) -> None:
    write_sequences(Path(LOG))
    with small_disk(size):
        lines = refused("prepare", "sequences", "--from", LOG, "--out", "data/shop")
    agree(lines, "data/shop: cannot be written: File too large; nothing was changed")
    assert not Path("data").exists()


def test_no_room_for_a_data_set_in_the_place_of_another(toy: Path, disk: Disk) -> None:
    write_sequences(Path(LOG), seed=1)
    arguments = ("prepare", "sequences", "--from", LOG, "--out", "data/toy", "--force")
    for flush in range(1, 5):  # of the four files
        disk.flushes, disk.full_at = 0, flush
        agree(refused(*arguments), "data/toy: cannot be written: No space left on device; nothing was changed")
    assert not temporary_files()
    assert "already prepared" in done("prepare", "sequences", "--from", write_sequences(Path(LOG)), "--out", "data/toy")


@pytest.mark.parametrize(
    ("size", "file"),
    [
        (0, "run.toml"),
        (2000, "last/state-0.safetensors"),
        (5000, "last/state-0.safetensors"),
        (20000, "last/state-9.safetensors"),
    ],
)
def test_no_room_for_a_run(toy: Path, size: int, file: str) -> None:
    with small_disk(size):
        result = fearec("train", toy, *SASREC, "--epochs", "1", "--out", "runs/x")
    assert result.code == 2, result
    assert re.fullmatch(
        rf"error: runs/x/{file}: cannot be written: .*File too large.*; nothing was changed\n", result.err
    )
    assert not temporary_files()
    assert not (Path("runs/x") / file).exists()


def test_no_room_after_the_first_epoch(toy: Path, disk: Disk) -> None:
    train = ("train", toy, *SASREC, "--set", "training.learning_rate=0.001")
    done(*train, "--epochs", "1", "--out", "runs/short")
    first_epoch = disk.flushes
    done(*train, "--epochs", "2", "--out", "runs/whole")
    for number, flush in enumerate((first_epoch + 1, first_epoch + 3)):  # best.safetensors, state.safetensors
        out = Path(f"runs/{number}")
        disk.flushes, disk.full_at = 0, flush
        result = fearec(*train, "--epochs", "2", "--out", out)
        assert result.code == 2, result
        name = ("best", "last/state-18")[number]
        assert result.err == (
            f"error: {out}/{name}.safetensors: cannot be written: No space left on device; nothing was changed\n"
        )
        assert not temporary_files()
        assert description(out / "best.safetensors")["step"] == 9 * (1 + number)
        assert "NDCG@10" in done("evaluate", out / "best.safetensors")
        # With room again, the run goes on from the epoch that was saved, to the same end.
        done("train", toy, "--resume", "--out", out)
        assert description(out / "best.safetensors") == description(Path("runs/whole/best.safetensors"))
        losses = [[line["loss"] for line in records(run)] for run in (out, Path("runs/whole"))]
        assert losses[0] == losses[1]


def test_no_room_for_the_record(toy: Path) -> None:
    # metrics.jsonl grows until it meets the limit; no other file is as large.
    one_step = ("--set", "training.batch_size=1000", "--epochs", "60", "--set", "training.patience=60")
    with small_disk(32_000):
        result = fearec("train", toy, *SASREC, *one_step, "--out", "runs/x")
    assert (result.code, result.err) == (2, "error: runs/x/metrics.jsonl: cannot be written: File too large\n")
    done("train", toy, "--resume", "--out", "runs/x")
    assert [line["epoch"] for line in records(Path("runs/x"))] == list(range(1, 61))


def test_no_room_for_the_result(best: Path) -> None:
    Path("result.json").write_text('{"fingerprint": "earlier"}')
    with small_disk(10):
        lines = refused("evaluate", best, "--json", "result.json")
    agree(lines, r"result\.json: cannot be written: File too large; nothing was changed")


def test_a_result_in_the_place_of_a_directory(best: Path) -> None:
    agree(refused("evaluate", best, "--json", "runs"), "runs: is a directory; name a file; nothing was changed")


# --- runs that cannot go on ----------------------------------------------------------------------------


def test_an_objective_that_overflows(toy: Path) -> None:
    result = fearec("train", toy, *SASREC, "--loss", "3e38*ce", "--out", "runs/x")
    assert result.code == 2
    assert result.err == (
        "error: the objective became inf or NaN at step 1, in epoch 1; "
        "lower training.learning_rate or the term's weight; "
        "nothing was kept\n"
    )
    assert not Path("runs/x/best.safetensors").exists()


@pytest.fixture
def breaking(monkeypatch: pytest.MonkeyPatch):
    """Makes a loss term end badly from some call on."""

    def at(name: str, call: int, end: Callable[[torch.Tensor], torch.Tensor]) -> None:
        build = load_components().get("loss", name).component.build
        real, calls = build.__call__, []

        def broken(self, inputs):
            calls.append(1)
            value = real(self, inputs)
            return end(value) if len(calls) >= call else value

        monkeypatch.setattr(build, "__call__", broken)

    return at


def test_a_term_that_is_no_number(toy: Path, breaking) -> None:
    breaking("contrast", 12, lambda value: value * float("nan"))
    result = fearec("train", toy, *TINY, "--preset", "fearec", "--epochs", "3", "--out", "runs/x")
    assert result.code == 2
    assert result.err == (
        "error: contrast became inf or NaN at step 12, in epoch 2; "
        "lower training.learning_rate or the term's weight; "
        "the best weights before it are in runs/x/best.safetensors\n"
    )
    assert description(Path("runs/x/best.safetensors"))["step"] == 9
    assert "NDCG@10" in done("evaluate", "runs/x/best.safetensors")
    assert len(records(Path("runs/x"))) == 1


def test_a_gradient_that_is_no_number(toy: Path, breaking) -> None:
    # The loss is finite and its gradient is not; the epoch's last step, so that it would be validated.
    breaking("ce", 18, lambda value: value + (0 * value).sqrt())
    result = fearec("train", toy, *SASREC, "--epochs", "3", "--out", "runs/x")
    assert result.code == 2
    assert result.err == (
        "error: the gradient became inf or NaN at step 18, in epoch 2; "
        "lower training.learning_rate or the term's weight; "
        "the best weights before it are in runs/x/best.safetensors\n"
    )
    assert description(Path("runs/x/best.safetensors"))["step"] == 9


@contextmanager
def small_memory(more: int) -> Iterator[None]:
    """This process can take so many bytes more: the system itself refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


# One tensor of a step takes half a gigabyte.
LARGE = ("--set", "model.dim=64", "--set", "model.max_length=8000", "--set", "training.batch_size=1000")


def test_too_little_memory(toy: Path) -> None:
    with small_memory(200 << 20):
        result = fearec("train", toy, *SASREC, *LARGE, "--out", "runs/x")
    assert (result.code, result.err) == (
        2,
        "error: out of memory at step 1: lower training.batch_size (now 1000; `--batch-size auto` finds one that "
        "fits), raise training.accumulate, lower model.max_length, or choose a loss that samples its negatives; "
        "nothing was kept\n",
    )


def run_out(_value: torch.Tensor) -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_too_little_memory_after_a_save(toy: Path, breaking) -> None:
    breaking("ce", 5, run_out)
    every_step = ("--set", "training.save_minutes=1e-6")
    result = fearec("train", toy, *SASREC, *every_step, "--out", "runs/x")
    assert result.code == 2
    assert result.err.startswith("error: out of memory at step 5: lower training.batch_size (now 32; ")
    assert result.err.endswith("; the last state before it is runs/x/last/state-4.safetensors\n")


def test_too_little_memory_for_the_model(toy: Path) -> None:
    with small_memory(200 << 20):
        lines = refused("train", toy, *SASREC, "--set", "model.dim=8192", "--set", "model.inner=65536")
    agree(lines, "^out of memory while the model was built: lower model.dim, or train on fewer items or users$")


def test_no_batch_that_fits(toy: Path, breaking) -> None:
    breaking("ce", 1, run_out)
    lines = refused("train", toy, *SASREC, "--batch-size", "auto")
    agree(lines, "^--batch-size auto: not even 8 prefixes a step fit into memory; lower model.max_length or model.dim")


@pytest.mark.parametrize(("value", "problem"), [("ten", r'--batch-size: .*not "ten"'), ("0", r"--batch-size: .*>= 1")])
def test_a_batch_size_that_is_none(toy: Path, value: str, problem: str) -> None:
    agree(refused("train", toy, "--batch-size", value), problem)


# --- faults of the program -----------------------------------------------------------------------------


def test_a_fault_of_ours_is_called_one(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments) -> None:
        raise RuntimeError("in two\nlines")

    monkeypatch.setattr(PlainReporter, "on_step", fail)
    result = fearec("train", toy, *SASREC, "--out", "runs/x")
    assert result.code == 1
    assert result.err.splitlines()[0] == "error: RuntimeError: in two lines"
    assert "Traceback" not in result.err
    with pytest.raises(RuntimeError):
        fearec("--debug", "train", toy, *SASREC, "--out", "runs/y")


def test_debug_shows_where_an_error_was_met() -> None:
    result = fearec("--debug", "train", "shop")
    assert result.code == 2
    assert "Traceback" in result.err
    assert result.err.splitlines()[-1].startswith("error: no data set 'shop'")
