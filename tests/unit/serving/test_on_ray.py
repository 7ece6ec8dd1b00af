"""What a worker of Ray does with a piece; without Ray, which only calls it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fearec_cli.runs.checkpoint import save_checkpoint
from fearec_cli.serving.on_ray import Job, Worker
from fearec_cli.serving.tables import Piece, pieces_of
from support.serving import IDS, recommender


@pytest.fixture
def job(tmp_path: Path) -> Job:
    of = recommender(preset="sasrec").checkpoint
    save_checkpoint(tmp_path / "c.safetensors", of.encoder, IDS, of.info)
    (tmp_path / "answers").mkdir()
    question = {"k": 3, "seen": "exclude", "only": None, "without": ["i0"]}
    return Job(tmp_path / "c.safetensors", of.info, "cpu", question, tmp_path / "answers")


@pytest.fixture
def piece(tmp_path: Path) -> Piece:
    pl.DataFrame({"user": ["u1", "u2"], "items": [["i1"], ["i2", "i3"]]}).write_parquet(tmp_path / "h.parquet")
    return pieces_of(tmp_path / "h.parquet")[0]


def row(piece: Piece) -> dict[str, Any]:
    return {"number": 7, **piece._asdict()}


def test_a_piece_is_answered_into_a_file_of_its_own(job: Job, piece: Piece) -> None:
    worker = Worker(job)
    assert worker(row(piece)) == {"users": 2, "error": ""}
    answers = pl.read_parquet(job.part(7))
    expected = recommender(preset="sasrec").recommend([["i1"], ["i2", "i3"]], 3, without=["i0"])
    assert answers["item"].to_list() == [item for items in expected.items for item in items]
    assert answers["user"].to_list() == ["u1"] * 3 + ["u2"] * 3
    written = job.part(7).stat()
    job.checkpoint.unlink()
    assert worker(row(piece)) == {"users": 2, "error": ""}
    assert Worker(job)(row(piece)) == {"users": 2, "error": ""}
    assert job.part(7).stat() == written


def test_a_piece_that_loses_every_worker_is_given_up(job: Job, piece: Piece, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(self: Worker) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Worker, "_opened", die)
        for _ in range(5):
            with pytest.raises(KeyboardInterrupt):
                Worker(job)(row(piece))
    assert "rows 1 to 2 lost 5 workers" in Worker(job)(row(piece))["error"]
    assert not job.part(7).exists()


def test_what_is_wrong_comes_back_as_text(job: Job, piece: Piece) -> None:
    other = replace(job, info=job.info.model_copy(update={"step": 2}))
    assert "is another checkpoint on another machine" in Worker(other)(row(piece))["error"]
    assert "there is no such checkpoint" in Worker(replace(job, checkpoint=Path("gone")))(row(piece))["error"]
    elsewhere = replace(job, place=job.place / "elsewhere")
    assert "--out must lie where every machine sees it" in Worker(elsewhere)(row(piece))["error"]
    assert not elsewhere.place.exists()
    Path(piece.file).write_bytes(b"")
    assert "cannot be read as Parquet" in Worker(job)(row(piece))["error"]
    assert not job.part(7).exists()
