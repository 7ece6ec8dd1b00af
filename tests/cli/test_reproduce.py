"""`fearec reproduce`: the list; our small claim from nothing to its verdict, cut and gone on; what is refused."""

import json
from pathlib import Path

import pytest

from fearec_cli.reproducing import trial
from fearec_cli.training.run import train
from support.commands import agree, contents, done, fearec, refused


def test_the_list_names_every_claim_with_its_rules():
    printed = done("reproduce")
    assert "fearec-beauty-masked" in printed
    assert "seen-masked" in printed
    listed = json.loads(done("reproduce", "--json", "-"))["claims"]
    masked = next(claim for claim in listed if claim["name"] == "fearec-beauty-masked")
    assert (masked["samples"], masked["our_samples"], masked["protocol"]) == ("prefixes", "prefixes", "seen-masked")
    assert masked["command"] == "fearec train beauty --preset fearec --set training.protocol=seen-masked"
    done("reproduce", "--markdown", "claims.md")
    assert Path("claims.md").read_text().startswith("| claim | published |")


@pytest.mark.slow
def test_our_claim_is_tried_cut_and_gone_on_with(monkeypatch: pytest.MonkeyPatch):
    # The time limit of the first seed is over before its end.
    cut = fearec("reproduce", "demo", "--seed", "42", "--time-limit", "0.0001", "--json", "cut.json")
    assert cut.code == 3
    assert "verdict  not finished: seed 42 was cut by time-limit" in cut.out
    assert "provisional" in cut.out
    assert "continue: fearec reproduce demo --seed 42, with no time limit or a longer one" in cut.out
    found = json.loads(Path("cut.json").read_text())
    assert [(each["reason"], each["finished"]) for each in found["seeds"]] == [("time-limit", False)]
    assert found["verdict"] == "not finished"

    # Ctrl-C in the second seed; the first goes to its end.
    def interrupted(recipe, *others, **options):
        if recipe.training.seed == 43:
            options["stop"].request()
        return train(recipe, *others, **options)

    with monkeypatch.context() as patched:
        patched.setattr(trial, "train", interrupted)
        cut = fearec("reproduce", "demo", "--seeds", "42,43,44")
    assert cut.code == 130
    assert "not finished: seed 43 was cut by interrupted; 1 of 3 seeds were not begun" in cut.out
    finished = contents(Path("runs/reproduce/demo/seed-42/last"))

    printed = done("reproduce", "demo", "--seeds", "42,43", "--json", "done.json")
    assert "published  0.2867, unmasked, trained on all positions" in printed
    assert "verdict  reproduced: " in printed
    assert contents(Path("runs/reproduce/demo/seed-42/last")) == finished
    found = json.loads(Path("done.json").read_text())
    assert found == json.loads(Path("runs/reproduce/demo/reproduction.json").read_text())
    assert [each["reason"] for each in found["seeds"]] == ["epochs", "epochs"]
    values = [each["value"] for each in found["seeds"]]
    assert found["mean"] == pytest.approx(sum(values) / 2)
    tests = [json.loads(Path(f"runs/reproduce/demo/seed-{seed}/test.json").read_text()) for seed in (42, 43)]
    assert values == [each["protocols"]["unmasked"]["NDCG@10"] for each in tests]
    assert found["seeds"][0]["interval"] == tests[0]["intervals"]["unmasked"]["NDCG@10"]
    assert (found["claim"]["samples"], found["samples"], found["protocol"]) == (
        "all positions",
        "all positions",
        "unmasked",
    )


def test_what_does_not_compare_is_said_before_anything_is_trained():
    result = fearec("reproduce", "bsarec-yelp", "--json", "yelp.json")
    assert result.code == 3
    assert "verdict  not comparable: the reviews that Yelp offers today are another release" in result.out
    assert json.loads(Path("yelp.json").read_text())["verdict"] == "not comparable"
    assert not Path("runs").exists()


def test_what_cannot_be_tried_is_refused(toy: Path):
    agree(refused("reproduce", "bsarec-beuty"), "no claim is called 'bsarec-beuty'; did you mean 'bsarec-beauty'")
    agree(
        refused("reproduce", "bsarec-beauty"),
        "data/beauty: no data set is prepared there, .*get it by `fearec prepare sequences --from Beauty.txt",
    )
    agree(
        refused("reproduce", "bsarec-beauty", "--data", toy),
        "data/toy: is not the data of bsarec-beauty: it has 40 users, .*fingerprint 4e69d7d70e0d.*--data",
    )
    agree(refused("reproduce", "--seed", "1"), "--seed: name a claim to try; `fearec reproduce` lists them")
    agree(refused("reproduce", "demo", "--markdown", "-"), "--markdown: is of the list")
    agree(refused("reproduce", "demo", "--seeds", "1"), "--seeds 1: give 2 to 1,000 seeds")
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    Path("mine.json").write_text("mine")
    agree(refused("reproduce", "demo", "--json", "mine.json"), "mine.json: holds something that fearec did not write")
    # The generated data set is made first, and stays.
    done("prepare", "demo")
    agree(refused("reproduce", "demo", "--out", "mine"), "mine: holds something other than runs of a claim")
