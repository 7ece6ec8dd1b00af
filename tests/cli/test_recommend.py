"""`fearec recommend` on real files."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import save_file

from support.commands import TINY, agree, done, fearec, metadata, refused, tensors


def answered(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_history(best: Path) -> None:
    printed = done("recommend", best, "--history", "i1,i2,i3,nobody", "--k", "3")
    assert printed.splitlines()[0].split() == ["rank", "item", "score"]
    assert "1 of 4 items are unknown" in printed
    (answer,) = answered(done("recommend", best, "--history", "i1,i2,i3", "--k", "3", "--json"))
    assert len(answer["items"]) == 3
    assert not set(answer["items"]) & {"i1", "i2", "i3"}
    (again,) = answered(done("recommend", best, "--history", "i1,i2,i3", "--k", "30", "--json", "--seen", "include"))
    assert len(again["items"]) == 30


def write_log(path: Path) -> None:
    rows = ["u1,i3,3", "u1,i1,1", "u2,nobody,1", "u1,i2,2", "u3,i9,5"]
    path.write_text("user,item,timestamp\n" + "\n".join(rows) + "\n")


def test_many_users_in_every_format(best: Path) -> None:
    write_log(Path("users.csv"))
    Path("users.txt").write_text("i1,i2,i3\nnobody\ni9\n")
    by_log = answered(done("recommend", best, "--users", "users.csv", "--json", "--k", "2"))
    by_line = answered(done("recommend", best, "--users", "users.txt", "--json", "--k", "2"))
    assert [each["user"] for each in by_log] == ["u1", "u2", "u3"]
    assert [each["items"] for each in by_log] == [each["items"] for each in by_line]
    assert by_log[1] == {"user": "u2", "items": [], "scores": [], "unknown": 1, "reason": "no known item"}
    for ending in ("parquet", "csv", "jsonl"):
        done("recommend", best, "--users", "users.csv", "--k", "2", "--out", f"answers.{ending}")
    table = pl.read_parquet("answers.parquet")
    assert table.select("user", "rank", "item").rows() == [
        ("u1", 1, by_log[0]["items"][0]), ("u1", 2, by_log[0]["items"][1]), ("u2", None, None),
        ("u3", 1, by_log[2]["items"][0]), ("u3", 2, by_log[2]["items"][1]),
    ]  # fmt: skip
    with Path("answers.csv").open() as file:
        assert [row["item"] for row in csv.DictReader(file)] == [item or "" for item in table["item"]]
    assert answered(Path("answers.jsonl").read_text()) == by_log


def test_shards_together_are_the_whole(best: Path) -> None:
    Path("users.txt").write_text("".join(f"i{row % 30}\n" for row in range(11)))
    whole = answered(done("recommend", best, "--users", "users.txt", "--json"))
    shards = [("recommend", best, "--users", "users.txt", "--json", "--shard", f"{index}/3") for index in (1, 2, 3)]
    parts = sorted((each for shard in shards for each in answered(done(*shard))), key=lambda each: int(each["user"]))
    for one, other in zip(parts, whole, strict=True):
        assert (one["user"], one["items"]) == (other["user"], other["items"])
        # Products of other batches differ in their last bits.
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-5)


def test_standard_input(best: Path) -> None:
    command = [sys.executable, "-m", "fearec_cli", "recommend", str(best), "--stdin", "--json", "--k", "1"]
    run = subprocess.run(command, input="i1 i2\n\n", capture_output=True, text=True, check=True)
    first, second = answered(run.stdout)
    assert len(first["items"]) == 1
    assert second["reason"] == "empty history"


def test_candidates_and_forbidden_items(best: Path) -> None:
    Path("only.txt").write_text("i4\ni5\n")
    Path("except.txt").write_text("i5\n")
    files = ("--only", "only.txt", "--except", "except.txt")
    (answer,) = answered(done("recommend", best, "--history", "i1", *files, "--json"))
    assert answer["items"] == ["i4"]


def test_similar_items(best: Path) -> None:
    found = json.loads(done("recommend", best, "--similar-to", "i3", "--k", "2", "--json"))
    assert len(found) == 2
    assert all(-1 <= each["cosine"] <= 1.0001 and each["item"] != "i3" for each in found)


def test_a_history_whose_candidates_are_all_seen_says_so(best: Path) -> None:
    Path("only.txt").write_text("i1\ni2\n")
    (answer,) = answered(done("recommend", best, "--history", "i1,i2", "--only", "only.txt", "--json"))
    assert (answer["items"], answer["reason"]) == ([], "no candidate left")
    done("recommend", best, "--history", "i1,i2", "--only", "only.txt", "--out", "answers.parquet")
    assert pl.read_parquet("answers.parquet")["reason"].to_list() == ["no candidate left"]


def test_what_each_branch_recommends_is_in_the_json_too(toy: Path) -> None:
    done("train", toy, "--preset", "fearec", *TINY, "--max-steps", "1", "--out", "runs/two")
    two = "runs/two/best.safetensors"
    Path("only.txt").write_text("i4\ni5\n")
    (answer,) = answered(
        done("recommend", two, "--history", "i1", "--only", "only.txt", "--explain", "--json", "--k", "2")
    )
    assert set(answer["alone"]) == {"ramp", "autocorr"}
    assert all(set(items) == {"i4", "i5"} for items in answer["alone"].values())
    assert "autocorr alone: i" in done("recommend", two, "--history", "i1", "--explain", "--k", "2")


def test_what_each_branch_would_recommend(best: Path) -> None:
    assert "the model has one branch" in done("recommend", best, "--history", "i1", "--explain")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "give one of --history, --users, --stdin and --similar-to$"),
        (("--history", "i1", "--similar-to", "i2"), "give one of .*, not --history and --similar-to"),
        (("--history", "i1", "--k", "31"), "k is 31: the catalogue has 30 items"),
        (("--history", "nobody,else"), "the model knows none of its 2 items"),
        (("--history", ""), "--history: is empty"),
        (("--similar-to", "nobody"), "'nobody' is not an item of the model"),
        (("--history", "i1", "--seen", "both"), "--seen both: give exclude or include"),
        (("--users", "users.xls"), "users.xls: its ending names no format"),
        (("--users", "missing.csv"), "missing.csv"),
        (("--users", "bad.csv"), "bad.csv.*(column|user|item)"),
        (("--history", "i1", "--only", "missing.txt"), "missing.txt: cannot be read"),
        (("--history", "i1", "--out", "answers.xml"), "its ending names no format; there are .parquet, .jsonl, .csv"),
        (("--history", "i1", "--out", "taken.csv"), "--out taken.csv: already exists"),
        (("--users", "bad.csv", "--shard", "4/3"), "--shard 4/3: give I/N"),
        (("--similar-to", "i1", "--out", "a.csv"), "--out: does not go with --similar-to; leave it out"),
        (("--users", "bad.csv", "--explain"), "--explain: does not go with --users; leave it out"),
        (("--history", "i1", "--shard", "1/2"), "--shard: does not go with --history; leave it out"),
    ],
    ids=str,
)
def test_refusals(best: Path, arguments: tuple[str, ...], problem: str) -> None:
    Path("bad.csv").write_text("customer,article\na,b\n")
    Path("taken.csv").write_text("precious")
    agree(refused("recommend", best, *arguments), problem)


def test_ids_with_blanks_and_commas_are_given_as_json(best: Path) -> None:
    (plain,) = answered(done("recommend", best, "--history", "i1,i2", "--json"))
    (quoted,) = answered(done("recommend", best, "--history", '["i1", "i2", "a, b"]', "--json"))
    assert quoted == plain | {"unknown": 1}
    Path("users.txt").write_text('["i1", "i2"]\n[]\ni1 i2\n')
    lines = answered(done("recommend", best, "--users", "users.txt", "--json"))
    assert [line["items"] for line in lines] == [plain["items"], [], plain["items"]]
    Path("bad.txt").write_text('i1\n["i1", 2]\n')
    agree(refused("recommend", best, "--users", "bad.txt"), r"bad.txt: line 2: begins with \[ and is no JSON list")
    agree(refused("recommend", best, "--history", "[i1"), r"--history: line 1: begins with \[ and is no JSON list")


def test_weights_that_were_changed_are_refused(best: Path) -> None:
    content = bytearray(best.read_bytes())
    content[-3] ^= 1
    best.write_bytes(content)
    agree(refused("recommend", best, "--history", "i1"), "was changed since it was written")


@pytest.mark.parametrize(
    ("name", "problem"), [("items", "item table has numbers"), ("norm", "scores that are not finite")]
)
def test_numbers_that_are_none_are_refused(best: Path, name: str, problem: str) -> None:
    arrays, texts = tensors(best), metadata(best)
    arrays[f"model.embedding.{name}.weight"][-1] = torch.nan
    save_file(arrays, best, metadata={"fearec": texts["fearec"]})
    agree(refused("recommend", best, "--history", "i1", "--out", "answers.csv"), problem)


def test_a_file_that_ends_badly_leaves_nothing(best: Path) -> None:
    Path("users.csv").write_text("user,item,timestamp\nu1,i1,1\nu2,i2,never\n")
    result = fearec("recommend", best, "--users", "users.csv", "--out", "answers.parquet")
    assert result.code == 2
    assert sorted(path.name for path in Path().iterdir() if "answers" in path.name) == []
