"""Hostile lines over all commands: none ends in a fault, hangs, harms a file, or leaves something behind.

What is refused and in which words stands in the tests of each command. Here it is the number and the kinds that count.
"""

import contextlib
import json
import os
import shutil
import socket
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
import tomli_w

from fearec_cli.cli.main import app
from support.commands import TINY, contents, description, done, tensors
from support.hostile import Words, faults, line, value_options
from support.mutations import TENSORS, mutations, write_checkpoint

BEST = "runs/toy/best.safetensors"
TRAIN = ("train", "toy", "--preset", "sasrec", *TINY)
TUNE = ("tune", "toy", "--preset", "sasrec", *TINY, "--set", "training.max_steps=1")
# A line of each command that does something in a moment: its words, its options, and what else stands in it.
LINES: Mapping[str, tuple[Words, Mapping[str, str], tuple[str, ...]]] = {
    "prepare": (["prepare", "sequences"], {"--from": "toy.txt", "--out": "out/data"}, ()),
    "train": (TRAIN, {"--epochs": "1", "--max-steps": "1", "--out": "out/run"}, ()),
    "evaluate": (["evaluate", BEST, "toy"], {"--json": "out/result.json"}, ()),
    "tune": (TUNE, {"--search": "model.dim=8|16", "--trials": "1", "--out": "out/tune"}, ()),
    "compare": (["compare", "runs/toy", "runs/toy"], {"--draws": "100"}, ()),
    "reproduce": (["reproduce"], {"--json": "out/claims.json"}, ()),
    "results": (["results", "runs"], {}, ()),
    "recommend": (["recommend", BEST], {"--history": "i1,i2"}, ()),
    "serve": (["serve", BEST], {"--port": "PORT"}, ()),
    "export": (["export", BEST], {"--out": "toy.txt"}, ()),
    "push": (["push", BEST, "owner/name"], {}, ("--dry-run",)),
    "inspect": (["inspect", BEST, "toy"], {"--history": "i1,i2"}, ()),
    "report": (["report", "runs/toy", "toy"], {"--out": "toy.txt"}, ()),
    "components": (["components", "sasrec"], {}, ()),
    "datasets": (["datasets", "csv"], {}, ()),
    "doctor": (["doctor"], {}, ()),
    "new-plugin": (["new-plugin", "fearec-tap"], {"--out": "out/plugin"}, ()),
}
# Values that no option takes, or takes for what they say.
TYPED = (
    *("", "-1", "nan", "-inf", "1e400", "9" * 30, "9" * 5000, "0x10", "true", "1e3", "[[[", "{}", "=", "a,b,,c"),
    *("\x1b[2J\x07", "[/red]", "\udcff", "x" * 5000, "a\nb", "..", "/dev/null/x", "loop", "toy.txt", "runs"),
)
# Where charts are drawn for each name of a file, which takes seconds.
DRAWS = {("report", "--out"), ("inspect", "--html")}
# Where a file or a directory should be.
PLACES = (
    *("pipe", "loop", "empty", "/dev/null", "/dev/zero", "no/such", "toy.txt", "data", "toy.txt/x", "\udcff", "[/red]"),
    *("x" * 5000, "hub:a", "hub:../..", "http://x", "\x1b[2J", "data/toy/interactions.safetensors", "a\nb"),
)


@pytest.fixture(scope="module")
def hostile(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a data set, a run and strange things in it, of which no line changes any."""
    place = tmp_path_factory.mktemp("hostile")
    shutil.copytree(finished, place, dirs_exist_ok=True)
    with contextlib.chdir(place):
        done("evaluate", BEST, "toy", "--json", "results/result.json", "--save-ranks", "results/ranks.parquet")
        Path("empty").mkdir()
        Path("loop").symlink_to("loop")
        os.mkfifo("pipe")
        handle = os.open("pipe", os.O_RDWR)  # whoever writes to it does not wait for a reader
    before = contents(place)
    yield place
    os.close(handle)
    assert contents(place) == before


@pytest.fixture(autouse=True)
def inside(hostile: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test runs there; the Hub is a port where nobody answers, and that of the service is taken."""
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        monkeypatch.setitem(LINES, "serve", (["serve", BEST], {"--port": port}, ()))
        yield


def check(lines: Iterable[Words]) -> None:
    assert not [fault for words in lines for fault in faults(words)]


def test_every_command_has_a_line() -> None:
    assert [*LINES] == [*app.info.cls.summaries]
    check(line(words, options, *more) for words, options, more in LINES.values())


def mistyped(command: str, every: int) -> Iterator[Words]:
    """A line for each option of a command and every N-th of the values, beginning with another at each option."""
    words, options, more = LINES[command]
    for place, option in enumerate(value_options(command)):
        if every > 1 and (command, option) in DRAWS:
            continue
        rest = {name: value for name, value in options.items() if name != option}
        for value in TYPED[place % every :: every]:
            yield line(words, {**rest, option: value}, *more)


@pytest.mark.parametrize("command", LINES)
def test_options_of_another_kind(command: str) -> None:
    check(mistyped(command, every=8))


@pytest.mark.exhaustive
@pytest.mark.parametrize("command", LINES)
def test_every_option_of_every_other_kind(command: str) -> None:
    check(mistyped(command, every=1))


@pytest.mark.parametrize("command", LINES)
def test_words_that_are_too_many_or_too_few(command: str) -> None:
    words, options, more = LINES[command]
    for option in value_options(command):
        check([[*line(words, options, *more), option], line(words, {}, option, "1", option, "2", *more)])
    check([] if command == "train" else [[command]])  # which alone trains the demo
    check([[*words, "a", "b"], [*words, "--no-such"], [*words, "--no-such", "1"], [*words, ""], [*words, "-"]])


def lines_that_name(place: str) -> list[Words]:
    """A line for each way to name a file that is read."""
    return [
        *(["prepare", source, "--from", place] for source in ("csv", "jsonl", "pairs", "sequences", "parquet")),
        *(["evaluate", place], ["evaluate", BEST, place], ["inspect", place], ["inspect", BEST, place]),
        *(["recommend", place, "--history", "i1"], ["recommend", BEST, "--users", place]),
        *(
            ["recommend", BEST, "--history", "i1", "--only", place],
            ["serve", place],
            ["push", place, "a/b", "--dry-run"],
        ),
        *(["recommend", BEST, "--history", "i1", "--except", place], ["push", BEST, place, "--dry-run"]),
        *(["export", place, "--out", "out/model.onnx"], ["report", place], ["report", "runs/toy", place]),
        *(["compare", place, BEST], ["results", place], ["components", place], ["datasets", place]),
        ["reproduce", place],
        *(["train", place, "--max-steps", "1"], ["train", "toy", "--resume", "--out", place]),
        ["train", "toy", "--config", place],
        *([*TUNE, "--trials", "1", "--search", "model.dim=8|16", "--storage", f"journal:{place}"],),
        *([*TUNE, "--trials", "1", "--search", "model.dim=8|16", "--config", place],),
    ]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ascii(place[:20]))
def test_places_of_another_kind(place: str) -> None:
    journal_of_its_own = f"journal:{place}" in ("journal:empty", "journal:[/red]")
    check(words for words in lines_that_name(place) if not journal_of_its_own or "--storage" not in words)


OURS = ("data/toy/dataset.json", BEST, "runs/toy/run.toml", "runs/toy/metrics.jsonl", "data/toy/users.parquet")


@pytest.mark.parametrize("there", [*OURS, "toy.txt", "empty", "loop", "toy.txt/x"])
def test_outputs_over_something_else(there: str) -> None:
    check(
        [
            ["evaluate", BEST, "toy", "--json", there],
            ["evaluate", BEST, "toy", "--save-ranks", there],
            ["compare", BEST, BEST, "--draws", "100", "--json", there],
            *(["results", "runs", option, there] for option in ("--csv", "--markdown", "--json")),
            *(["inspect", BEST, "toy", option, there] for option in ("--json", "--html")),
            ["report", "runs/toy", "toy", "--out", there],
            ["recommend", BEST, "--history", "i1", "--out", there],
            ["export", BEST, "--out", there],
            *([] if there == "empty" else [["prepare", "sequences", "--from", "toy.txt", "--out", there, "--force"]]),
            *([] if there == "empty" else [[*TRAIN, "--max-steps", "1", "--out", there]]),
            *([] if there == "empty" else [[*TUNE, "--trials", "1", "--search", "model.dim=8|16", "--out", there]]),
            *([] if there == "empty" else [["new-plugin", "fearec-tap", "--out", there]]),
        ]
    )


# --- files whose content means nothing ------------------------------------------------------------------


@pytest.fixture
def copy(hostile: Path) -> Iterator[Path]:
    """A directory for files that a test damages."""
    place = Path("damaged")
    place.mkdir()
    yield place
    shutil.rmtree(place)


MOST = 10


def changed_manifests(copy: Path, most: int | None = MOST) -> None:
    data = Path(shutil.copytree("data/toy", copy / "set"))
    described = json.loads((data / "dataset.json").read_text())
    for _, content in mutations({**described, "notes": {"rows": 3}}, most):
        (data / "dataset.json").write_text(json.dumps(content))
        check(
            [
                ["evaluate", BEST, data],
                ["train", data, *TRAIN[2:], "--max-steps", "1", "--out", "out/run"],
                ["prepare", "sequences", "--from", "toy.txt", "--out", data],
            ]
        )


def changed_descriptions(copy: Path, most: int | None = MOST) -> None:
    file, described, weights = copy / "best.safetensors", description(Path(BEST)), tensors(Path(BEST))
    for _, content in mutations(described, most):
        write_checkpoint(file, content, weights)
        check([["evaluate", file, "toy"], ["recommend", file, "--history", "i1"], ["push", file, "a/b", "--dry-run"]])
        check([["inspect", file, "toy"], ["compare", BEST, file, "--draws", "100"]])
    for _, config in mutations(tomllib.loads(described["config"]), most):
        with contextlib.suppress(TypeError, AttributeError):  # TOML has no None
            write_checkpoint(file, {**described, "config": tomli_w.dumps(config)}, weights)
            check([["recommend", file, "--history", "i1"]])


def changed_weights(copy: Path, most: int | None = MOST) -> None:
    file, described, weights = copy / "best.safetensors", description(Path(BEST)), tensors(Path(BEST))
    for name in weights if most is None else ("vocabulary.offsets", "vocabulary.bytes", "model.embedding.norm.weight"):
        for change in TENSORS.values():
            with contextlib.suppress(RuntimeError):  # what cannot be changed so
                write_checkpoint(file, described, {**weights, name: change(weights[name])})
                check([["evaluate", file, "toy"], ["recommend", file, "--history", "i1"], ["inspect", file, "toy"]])


def changed_settings(copy: Path, most: int | None = MOST) -> None:
    described = tomllib.loads(description(Path(BEST))["config"])
    described["training"] |= {"max_steps": 1, "epochs": 1}
    for _, content in mutations(described, most):
        with contextlib.suppress(TypeError, AttributeError):
            (copy / "mine.toml").write_text(tomli_w.dumps(content))
            check([["train", "toy", "--config", copy / "mine.toml", "--out", "out/run"]])


def changed_records(copy: Path, most: int | None = MOST) -> None:
    run = Path(shutil.copytree("runs/toy", copy / "run"))
    lines = (run / "metrics.jsonl").read_text().splitlines()
    texts = ["", "[]\n", "1\n", "\0\n", "{" * 5000, "\udcff\n", '{"epoch": ' + "9" * 5000 + "}\n"]
    texts += [json.dumps(content) + "\n" + lines[1] + "\n" for _, content in mutations(json.loads(lines[0]), most)]
    for number, text in enumerate(texts):
        (run / "metrics.jsonl").write_text(text, errors="surrogateescape")
        pages: list[Words] = []
        if most is None or number == 5:  # which is slow
            pages = [["report", run, "toy", "--out", "out/page.html"]]
        check([["results", copy], ["compare", BEST, run, "--draws", "100"], *pages])


def changed_results(copy: Path, most: int | None = MOST) -> None:
    described = json.loads(Path("results/result.json").read_text())
    for _, content in mutations(described, most):
        (copy / "result.json").write_text(json.dumps(content))
        check([["results", copy], ["results", copy, "--json", "-"]])


CHANGES = {
    "manifest": changed_manifests,
    "description": changed_descriptions,
    "weights": changed_weights,
    "settings": changed_settings,
    "records": changed_records,
    "results": changed_results,
}


@pytest.mark.parametrize("change", CHANGES)
def test_files_that_mean_nothing(copy: Path, change: str) -> None:
    CHANGES[change](copy)


@pytest.mark.exhaustive
@pytest.mark.parametrize("change", CHANGES)
def test_files_that_mean_nothing_at_any_place(copy: Path, change: str) -> None:
    CHANGES[change](copy, None)


LOG = b"user,item,timestamp\n" + b"".join(
    b"u%d,i%d,%d\n" % (user, (user + step) % 9, 10**9 + step) for user in range(6) for step in range(6)
)
JSON = b"".join(
    b'{"user": "u%d", "item": "i%d", "timestamp": %d}\n' % (user, (user + step) % 9, 10**9 + step)
    for user in range(6)
    for step in range(6)
)
DAMAGES: Mapping[str, tuple[bytes, bytes]] = {
    "a time without end": (b"1000000000", b"9" * 5000),
    "no number": (b"1000000000", b"nan"),
    "infinity": (b"1000000000", b"-inf"),
    "a negative time": (b"1000000000", b"-99999999999999999999"),
    "escapes": (b"u1", b"\x1b]0;x\x07"),
    "another direction": (b"i1", "\u202ei1".encode()),
    "markup": (b"u1", b"[/red]"),
    "no UTF-8": (b"u1", b"\xed\xa0\x80"),
    "no id": (b"u1", b""),
    "a column twice": (b"item", b"user"),
    "NUL": (b"i1", b"\0"),
    "CR": (b"\n", b"\r"),
    "an open quote": (b"u5", b'"u5'),
    "an array for an id": (b'"u1"', b'["a", "b"]'),
    "null": (b'"i1"', b"null"),
    "nothing": (LOG, b""),
}
WHOLE = (
    b"\0" * 5000,
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b"\n\n",
    bytes(range(256)) * 9,
    b"<html></html>",
    b"x" * 300_000,
)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "tsv", "pairs", "sequences", "parquet", "recbole"])
def test_logs_that_are_none(copy: Path, kind: str) -> None:
    file = copy / f"log.{kind}"
    good = {"jsonl": JSON, "tsv": LOG.replace(b",", b"\t"), "pairs": LOG.replace(b",", b" ")}.get(kind, LOG)
    for content in (*(good.replace(*damage) for damage in DAMAGES.values()), *WHOLE, good[:-5], b"\xef\xbb\xbf" + good):
        file.write_bytes(content)
        check([["prepare", kind, "--from", file, "--out", "out/data"], ["prepare", kind, "--from", file, "--dry-run"]])
        check([["recommend", BEST, "--users", file, "--out", "out/items.jsonl"]])
