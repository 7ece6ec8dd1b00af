"""The main job from end to end: a log in, a data set, a model, numbers that can be trusted."""

import gzip
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch

from fearec_cli.cli.show import progress
from fearec_cli.training import batch_size
from support.commands import (
    ITEMS,
    TINY,
    USERS,
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
    sequences,
    settings_of,
    tensors,
    write_sequences,
)
from support.screen import run_on_terminal, shown, too_long

METRICS = [f"{name}@{k}" for k in (5, 10, 20) for name in ("HR", "NDCG", "MRR")]
PROTOCOLS = ["unmasked", "seen-masked"]
BASELINES = ("popularity", "last-item", "item-knn")
SASREC = ("--preset", "sasrec", *TINY)


def rows(start: int = 1_600_000_000) -> list[tuple[str, str, int]]:
    """The toy log as rows, whole users one after the other, a day between a user's interactions."""
    return [(user, item, start + 86_400 * at) for user, items in sequences().items() for at, item in enumerate(items)]


def write_csv(path: Path) -> Path:
    path.write_text("customer,article,bought_at\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows()))
    return path


def write_recbole(path: Path) -> Path:
    lines = "".join(f"{u}\t{i}\t{t}\n" for u, i, t in rows())
    path.write_text("user_id:token\titem_id:token\ttimestamp:float\n" + lines)
    return path


def write_gzip(path: Path) -> Path:
    text = write_sequences(path.with_suffix("")).read_bytes()
    path.write_bytes(gzip.compress(text))
    return path


def prepare_csv() -> tuple[str, ...]:
    columns = ("csv.user=customer", "csv.item=article", "csv.time=bought_at")
    assignments = (part for column in columns for part in ("--set", column))
    return ("csv", "--from", str(write_csv(Path("log.csv"))), *assignments, "--k-core", "0")


def prepare_recbole() -> tuple[str, ...]:
    return ("recbole", "--from", str(write_recbole(Path("log.inter"))), "--k-core", "0")


def prepare_sequences() -> tuple[str, ...]:
    return ("sequences", "--from", str(write_gzip(Path("log.txt.gz"))))


def _short(value: float) -> str:
    return "1.000" if value == 1 else f"{value:.4f}"[1:]


def evaluated(checkpoint: Path, *arguments: str) -> dict:
    done("evaluate", checkpoint, "--device", "cpu", "--json", "result.json", *arguments)
    result = json.loads(Path("result.json").read_text())
    assert result.pop("seconds") > 0  # the clock's: all else is the same whenever it runs
    return result


@pytest.mark.parametrize("source", [prepare_csv, prepare_recbole, prepare_sequences])
def test_from_a_log_to_numbers(source) -> None:
    printed = done("prepare", *source(), "--out", "data/shop")
    assert re.search(rf"^users +{USERS}$", printed, re.MULTILINE)
    done("train", "shop", *SASREC, "--max-steps", "4", "--out", "runs/shop")
    result = evaluated(Path("runs/shop/best.safetensors"))
    assert (result["dataset"], result["users"]) == ("shop", USERS)


def test_every_source_gives_the_same_interactions_and_the_same_model() -> None:
    weights = []
    for number, source in enumerate((prepare_csv, prepare_recbole, prepare_sequences)):
        done("prepare", *source(), "--out", f"data/shop{number}")
        done("train", f"data/shop{number}", *SASREC, "--max-steps", "3", "--out", f"runs/{number}")
        weights.append(tensors(Path(f"runs/{number}/best.safetensors")))
    assert same(weights[0], weights[1])
    assert same(weights[0], weights[2])


def test_the_installed_command_does_it_too() -> None:
    write_sequences(Path("log.txt"))
    script = Path(sys.executable).with_name("fearec")
    small = {**os.environ, "OMP_NUM_THREADS": "1"}
    for arguments in (
        ("prepare", "sequences", "--from", "log.txt", "--out", "data/toy"),
        ("train", "toy", *TINY, "--max-steps", "2", "--out", "runs/toy"),
        ("evaluate", "runs/toy/best.safetensors"),
    ):
        finished = subprocess.run([script, *arguments], env=small, capture_output=True, text=True, check=False)
        assert (finished.returncode, finished.stderr) == (0, "")
        assert "\x1b" not in finished.stdout
    assert "unmasked" in finished.stdout


def test_json_holds_every_number_of_the_table(best: Path) -> None:
    printed = done("evaluate", best, "--json", "deep/result.json")
    result = json.loads(Path("deep/result.json").read_text())
    assert result["fingerprint"] == description(best)["fingerprint"]
    assert (result["dataset"], result["split"], result["users"]) == ("toy", "test", USERS)
    assert list(result["baselines"]) == list(BASELINES)  # the toy log has no times, so none is recent
    ranked = [result, *result["baselines"].values()]
    lines = [line.split() for line in printed.splitlines()]
    numbers = [at for at, words in enumerate(lines) if words and words[0] in METRICS and len(words) == 1 + len(ranked)]
    assert [lines[at][0] for at in numbers] == METRICS * 2
    for place, at in enumerate(numbers):
        name, *values = lines[at]
        protocol = PROTOCOLS[place // len(METRICS)]
        assert values == [f"{found['protocols'][protocol][name]:.4f}" for found in ranked]
        ends = [found["intervals"][protocol][name] for found in ranked]
        assert lines[at + 1] == ["-".join(map(_short, pair)) for pair in ends]


def test_kinds_of_targets_are_shown_and_kept(best: Path) -> None:
    printed = done("evaluate", best, "--slices", "--json", "result.json")
    parts = json.loads(Path("result.json").read_text())["slices"]
    assert {part["by"] for part in parts} == {"target", "history", "popularity"}
    for part in parts:
        assert f"{part['targets']} targets" in printed
        assert set(part) == {"by", "name", "targets", "model", *BASELINES}


def test_what_is_checked_is_said_and_kept(best: Path) -> None:
    printed = done("evaluate", best, "--leak-check", "--shuffle-check", "--json", "result.json")
    result = json.loads(Path("result.json").read_text())
    assert result["leak-check"] == {"targets": USERS, "changed": USERS}
    assert f"leak check: no score of {USERS} targets moved" in printed
    for protocol in PROTOCOLS:
        found = result["shuffle-check"][protocol]
        assert list(found) == ["HR@10", "NDCG@10", "MRR@10"]
        for name, both in found.items():
            assert both["ordered"] == result["protocols"][protocol][name]
            low, high = both["interval"]
            numbers = f"{both['ordered']:.4f} +{both['shuffled']:.4f} +{both['share']:.1%}"
            assert re.search(rf"{protocol} +{name} +{numbers} +\[{low:.1%}, {high:.1%}\]", printed)
    assert "the mean of 5 shuffles" in printed
    # Items follow one another round the catalogue: without the order little stays.
    assert result["shuffle-check"]["unmasked"]["NDCG@10"]["shuffled"] < result["protocols"]["unmasked"]["NDCG@10"]


def test_what_is_recommended_is_described(best: Path) -> None:
    printed = done("evaluate", best, "--lists", "--protocol", "seen-masked", "--json", "result.json")
    found = json.loads(Path("result.json").read_text())["lists"]
    assert list(found) == ["seen-masked"]
    values = found["seen-masked"]
    assert values["k"] == 10
    assert 0 < values["coverage"] <= 1
    assert 1 <= values["popularity_rank"] <= ITEMS
    low, high = values["intervals"]["novelty"]
    assert low < values["novelty"] < high
    assert re.search(rf"novelty, bits +{values['novelty']:.2f} \[{low:.2f}, {high:.2f}\]", printed)


def test_the_recent_past_is_a_baseline_where_there_are_times() -> None:
    done("prepare", *prepare_csv(), "--out", "data/shop")
    done("train", "shop", *SASREC, "--max-steps", "1", "--out", "runs/shop")
    result = evaluated(Path("runs/shop/best.safetensors"))
    assert list(result["baselines"]) == ["popularity", "recent", "last-item", "item-knn"]
    assert result["baselines"]["recent"]["what"].endswith("days of training, chosen on validation")
    # All begin on one day, and the longest history is trained on to its tenth.
    assert result["tied"] == 0
    assert result["leaked"] == sum(
        len(items) <= max(map(len, sequences().values())) - 3 for items in sequences().values()
    )


def test_a_target_that_the_user_had_is_a_miss_where_seen_items_are_masked() -> None:
    # Every target is in its own history, so that no score of any model is a hit.
    log = (f"u{user} i{user} i{user + 1} i{user + 2} i{user} i{user + 1}\n" for user in range(20))
    Path("repeats.txt").write_text("".join(log))
    done("prepare", "sequences", "--from", "repeats.txt", "--out", "data/repeats")
    done("train", "repeats", *SASREC, "--max-steps", "1", "--out", "runs/repeats")
    printed = done("evaluate", "runs/repeats/best.safetensors", "--json", "result.json")
    assert "20 of 20 targets (100.0%) are in their own history" in " ".join(printed.split())
    result = json.loads(Path("result.json").read_text())
    assert result["repeated"] == 20
    assert [part["name"] for part in result["slices"]] == ["repeated"]
    for found in (result, *result["baselines"].values()):
        assert set(found["protocols"]["seen-masked"].values()) == {0}
        assert any(found["protocols"]["unmasked"].values())


@pytest.mark.parametrize(
    ("k", "message"),
    [
        ("31", r"^k = 31: a list of 31 is longer than the catalogue, which has 30 items"),
        ("10,", "^--k 10,: give whole numbers from 1"),
        ("9" * 5000, r"^--k 9{200}[.]{3} give whole numbers from 1"),
    ],
)
def test_a_length_of_the_list_that_makes_no_sense_is_refused(best: Path, k: str, message: str) -> None:
    agree(refused("evaluate", best, "--k", k), message)


def test_a_metric_beyond_the_catalogue_is_refused(toy: Path) -> None:
    problems = refused("train", toy, *SASREC, "--set", "training.metric=HR@31", "--out", "runs/x")
    agree(problems, "^training.metric = HR@31: a list of 31 is longer than the catalogue, which has 30 items")
    problems = refused("train", toy, *SASREC, "--set", f"training.metric=HR@{'9' * 5000}", "--out", "runs/x")
    agree(problems, r"training.metric: must be HR@k, NDCG@k or MRR@k .* it is \"HR@9+[.]{3}")


def test_the_header_says_what_the_numbers_are_of(best: Path) -> None:
    printed = done("evaluate", best, "--device", "cpu")
    digest = hashlib.sha256(best.read_bytes()).hexdigest()
    assert f"seed 42, checkpoint {digest[:12]}, cpu, " in printed
    assert "trained on prefixes, loss ce, preset sasrec, model.dim=8, " in printed
    assert "toy, test, 40 targets; fingerprint " in printed
    assert evaluated(best)["checkpoint"] == digest


def test_ranks_are_saved_a_row_a_target(best: Path) -> None:
    result = evaluated(best, "--save-ranks", "ranks.parquet")
    frame = pl.read_parquet("ranks.parquet")
    assert frame.columns == ["user", "item", "part", *PROTOCOLS, "repeated", "history"]
    assert frame["user"].n_unique() == USERS
    assert frame["repeated"].sum() == result["repeated"]
    for protocol in PROTOCOLS:
        hits = (frame[protocol].fill_null(ITEMS + 1) <= 10).mean()
        assert hits == pytest.approx(result["protocols"][protocol]["HR@10"], rel=1e-15)
    assert fearec("evaluate", best, "--save-ranks", "ranks.parquet").code == 0
    Path("mine").write_text("mine")
    agree(refused("evaluate", best, "--save-ranks", "mine"), "^mine: holds something that fearec did not write")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_protocol_alone_is_that_half_of_both(best: Path, protocol: str) -> None:
    both = evaluated(best)
    one = evaluated(best, "--protocol", protocol)
    assert one["protocols"] == {protocol: both["protocols"][protocol]}
    for name, found in both["baselines"].items():
        assert one["baselines"][name]["protocols"] == {protocol: found["protocols"][protocol]}


def test_the_lengths_of_the_list_are_chosen(best: Path) -> None:
    values = evaluated(best, "--k", "1, 30")["protocols"]["unmasked"]
    assert list(values) == ["HR@1", "NDCG@1", "MRR@1", "HR@30", "NDCG@30", "MRR@30"]
    assert values["HR@1"] == values["NDCG@1"] == values["MRR@1"]
    assert values["HR@30"] == 1


def test_validation_agrees_with_what_training_stored(best: Path) -> None:
    assert evaluated(best, "--split", "valid")["protocols"] == description(best)["metrics"]


def test_evaluation_draws_nothing(best: Path) -> None:
    torch.manual_seed(1)
    one = evaluated(best)
    torch.manual_seed(2)
    assert evaluated(best) == one


def test_the_data_set_is_found_by_its_content(best: Path, workplace: Path) -> None:
    expected = evaluated(best)
    write_sequences(Path("other.txt"), seed=1)
    done("prepare", "sequences", "--from", "other.txt", "--out", "data/another")
    (workplace / "data/toy").rename(workplace / "data/renamed")
    assert evaluated(best)["protocols"] == expected["protocols"]


def test_a_data_set_elsewhere_is_given_by_its_directory(best: Path, workplace: Path) -> None:
    expected = evaluated(best)
    (workplace / "data/toy").rename(workplace / "elsewhere")
    assert evaluated(best, "elsewhere") == expected


def test_a_run_leaves_these_files_and_no_others(trained: Path) -> None:
    states = ["last/state-18.safetensors", "last/state-9.safetensors"]
    assert sorted(contents(trained)) == ["best.safetensors", *states, "metrics.jsonl", "run.toml"]


def test_nothing_is_pickled(trained: Path, workplace: Path) -> None:
    found = [path for path in workplace.rglob("*") if path.is_file()]
    assert {path.suffix for path in found} == {".toml", ".jsonl", ".json", ".parquet", ".safetensors"}
    for path in found:
        if path.suffix == ".safetensors":
            assert tensors(path)
        # A pickle begins with its protocol, and so does the zip file that torch.save writes.
        assert not path.read_bytes().startswith((b"\x80\x02", b"\x80\x04", b"\x80\x05", b"PK"))


def test_a_record_for_every_epoch(trained: Path) -> None:
    lines = records(trained)
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[1]["step"] == 2 * lines[0]["step"]
    assert lines[1]["seconds"] > lines[0]["seconds"] > 0
    for line in lines:
        assert list(line) == ["epoch", "step", "seconds", "prefixes_per_second", "loss", "terms", "valid"]
        assert line["terms"] == {"ce": pytest.approx(line["loss"])}
        assert {name: list(values) for name, values in line["valid"].items()} == dict.fromkeys(PROTOCOLS, METRICS)


def test_the_checkpoint_tells_where_it_comes_from(best: Path, trained: Path) -> None:
    info = description(best)
    assert (info["format"], info["dataset"]) == (1, "toy")
    assert (trained / "run.toml").read_text().startswith(info["config"])
    assert {part["name"]: (part["kind"], part["package"]) for part in info["components"]} == {
        "dot": ("attention", "fearec"),
        "none": ("filter", "fearec"),
        "mix": ("fusion", "fearec"),
        "ce": ("loss", "fearec"),
    }
    assert all(part["version"] for part in info["components"])
    best_record = max(records(trained), key=lambda line: line["valid"]["unmasked"]["NDCG@10"])
    assert info["metrics"] == best_record["valid"]
    assert info["step"] == best_record["step"]


def test_run_toml_trains_the_same_model_again(trained: Path, best: Path) -> None:
    done("train", "toy", "--config", trained / "run.toml", "--out", "runs/again")
    assert settings_of(Path("runs/again")) == settings_of(trained)
    assert same(tensors(Path("runs/again/best.safetensors")), tensors(best))


def test_flags_go_over_the_file_and_set_over_the_flags(toy: Path) -> None:
    Path("mine.toml").write_text('attention = "dot"\n[training]\nseed = 1\nmax_steps = 5\nbatch_size = 32\n')
    overrides = ("--seed", "2", "--max-steps", "2", "--set", "training.max_steps=1")
    done("train", toy, *SASREC, "--config", "mine.toml", *overrides, "--out", "runs/x")
    written = Path("runs/x/run.toml").read_text()
    assert 'attention = "dot"' in written
    assert "seed = 2\n" in written
    assert "max_steps = 1\n" in written
    assert records(Path("runs/x"))[-1]["step"] == 1


@pytest.mark.parametrize("preset", ["fearec", "sasrec"])
def test_the_seed_decides_the_weights(toy: Path, preset: str) -> None:
    for name, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        chosen = ("--preset", preset, *TINY, "--seed", seed, "--max-steps", "4")
        done("train", toy, *chosen, "--out", f"runs/{name}")
    one, again, other = (tensors(newest_state(Path(f"runs/{name}"))) for name in "abc")
    assert same(one, again)
    weight = "model.embedding.items.weight"
    assert weight in one, sorted(one)
    assert not one[weight].equal(other[weight])


def test_the_loss_falls_and_popularity_is_beaten(toy: Path) -> None:
    done(
        "train",
        toy,
        *SASREC,
        "--set",
        "training.batch_size=16",
        "--set",
        "model.hidden_dropout=0.1",
        "--epochs",
        "15",
        "--out",
        "runs/x",
    )
    losses = [line["loss"] for line in records(Path("runs/x"))]
    assert losses[-1] < 0.7 * losses[0]
    result = evaluated(Path("runs/x/best.safetensors"))
    assert (
        result["protocols"]["unmasked"]["NDCG@10"]
        > 1.5 * result["baselines"]["popularity"]["protocols"]["unmasked"]["NDCG@10"]
    )


def test_the_default_model_says_which_it_is_and_learns(toy: Path) -> None:
    printed = done("train", toy, *TINY, "--epochs", "3", "--set", "training.warmup_steps=0")
    assert printed.startswith("note: preset sasrec-causal: the recommended one: ")
    lines = records(Path("runs/toy-sasrec-causal"))
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_the_published_model_says_that_it_is_slow_and_learns_too(toy: Path) -> None:
    printed = done("train", toy, *TINY, "--preset", "fearec", "--epochs", "3", "--out", "runs/x")
    assert printed.startswith("note: preset fearec: as published, which is slow: ")
    lines = records(Path("runs/x"))
    assert set(lines[0]["terms"]) == {"ce", "contrast", "spectral"}
    assert lines[-1]["terms"]["ce"] < lines[0]["terms"]["ce"]


def test_targets_are_an_option(toy: Path) -> None:
    done("train", toy, *SASREC, "--targets", "all", "--max-steps", "2", "--out", "runs/x")
    assert 'targets = "all"' in Path("runs/x/run.toml").read_text()
    result = fearec("train", toy, *TINY, "--preset", "fearec", "--targets", "all", "--out", "runs/y")
    assert result.code == 2
    for name in ("attention 'autocorr'", "filter 'window'"):
        assert f"error: training.targets = all: the {name}" in result.err
    assert not Path("runs/y").exists()


def test_without_a_data_set_the_demo_is_made_and_used() -> None:
    done("train", *SASREC, "--max-steps", "1")
    assert Path("data/demo/dataset.json").is_file()
    assert Path("runs/demo-sasrec/best.safetensors").is_file()
    done("train", "demo", *SASREC, "--max-steps", "1")
    assert Path("runs/demo-sasrec-2/best.safetensors").is_file()


def test_what_is_printed_leads_on(toy: Path) -> None:
    printed = done("train", toy, *SASREC, "--max-steps", "2").splitlines()
    assert printed[0].startswith(f"toy: {USERS} users, {ITEMS} items; dot on filter none, fusion mix, loss ce; ")
    assert printed[1].startswith("at most 2 steps, of 9 an epoch; ends before that after 10 epochs without a better ")
    assert printed[2].startswith("epoch 1 (2/9): loss ")
    assert printed[-3].startswith("stopped by max-steps after 2 steps; ")
    assert printed[-2].startswith("best: NDCG@10 0.")
    command = printed[-1].removeprefix("next: fearec ")
    assert "unmasked" in done(*command.split())


def test_the_metric_that_was_chosen_picks_the_weights(toy: Path) -> None:
    done(
        "train",
        toy,
        *SASREC,
        "--set",
        "training.metric=HR@3",
        "--set",
        "training.protocol=seen-masked",
        "--epochs",
        "4",
        "--out",
        "runs/x",
    )
    lines = records(Path("runs/x"))
    values = [line["valid"]["seen-masked"]["HR@3"] for line in lines]
    first_best = lines[values.index(max(values))]
    assert description(Path("runs/x/best.safetensors"))["step"] == first_best["step"]


def test_a_batch_size_that_was_found_is_one_that_was_given(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_size.CpuGauge, "allows_double", lambda gauge: len(gauge._peaks) < 4)
    run = ("train", toy, *TINY, "--max-steps", "3")
    printed = done(*run, "--batch-size", "auto", "--out", "runs/found")
    found = "note: batch size 64: the largest power of two that fits\n"
    assert f"auto: trying 32\nnote: --batch-size auto: trying 64\n{found}" in printed
    assert "batch_size = 64\n" in Path("runs/found/run.toml").read_text()
    done(*run, "--set", "training.batch_size=64", "--out", "runs/given")
    assert same(tensors(newest_state(Path("runs/found"))), tensors(newest_state(Path("runs/given"))))
    done("train", toy, "--resume", "--out", "runs/found", "--max-steps", "5")
    done("train", toy, "--resume", "--out", "runs/given", "--max-steps", "5", "--batch-size", "64")
    assert same(tensors(newest_state(Path("runs/found"))), tensors(newest_state(Path("runs/given"))))


def test_the_same_seed_gives_the_same_bits(toy: Path) -> None:
    run = ("train", toy, *TINY, "--max-steps", "12", "--deterministic")
    for name in "ab":
        done(*run, "--out", f"runs/{name}")
    assert same(tensors(newest_state(Path("runs/a"))), tensors(newest_state(Path("runs/b"))))
    assert "deterministic = true" in Path("runs/a/run.toml").read_text()
    assert torch.are_deterministic_algorithms_enabled()
    done("train", toy, *TINY, "--max-steps", "1", "--out", "runs/c")
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_header_of_the_state_names_run_and_data(trained: Path, best: Path) -> None:
    header = metadata(newest_state(trained))
    assert sorted(header) == ["checksum", "config", "fingerprint", "place"]
    assert header["fingerprint"] == description(best)["fingerprint"]


@pytest.mark.parametrize("columns", [40, 80])
def test_on_a_terminal_a_bar_shows_the_epoch_under_way(
    toy: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setattr(progress.BarReporter, "between", 0.0)
    code, out, err = run_on_terminal(columns, "train", toy, *SASREC, "--epochs", "2", "--out", "runs/x")
    assert (code, err) == (0, "")
    everything = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out)
    for frame in (r"epoch 1/2 ━+ +0/9 ", r"epoch 2/2 ━+ +0/9 ", r"validating ━+ +0/40"):
        assert re.search(frame, everything), frame
    left = shown(out, columns)  # the bars are gone
    assert "━" not in "".join(left)
    assert "epoch 1: loss" in "\n".join(left)
    assert left[-1].startswith("next: fearec evaluate") or columns < 80
    assert not too_long(left[:-2], columns)


def test_help_is_what_no_command_gives() -> None:
    result = fearec()
    assert result.code == 2
    assert "prepare" in result.out + result.err
