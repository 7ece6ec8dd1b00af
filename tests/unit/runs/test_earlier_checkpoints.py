"""Checkpoints that an earlier version wrote open, and score as they did then (earlier/, by commit 72bcead)."""

import json
from pathlib import Path

import pytest
import torch

from fearec_cli import kernels
from fearec_cli.kernels import Mode
from fearec_cli.runs.checkpoint import load_checkpoint
from support import tiny

EARLIER = Path(__file__).parent / "earlier"


@pytest.mark.parametrize("mode", ["auto", "plain"])
@pytest.mark.parametrize("preset", ["fearec", "bsarec"])
def test_an_earlier_checkpoint_scores_as_it_did(preset: str, mode: Mode) -> None:
    checkpoint = load_checkpoint(EARLIER / f"{preset}.safetensors", torch.device("cpu"))
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 6, checkpoint.encoder.padding)
    with kernels.using(mode), torch.no_grad():
        scores = checkpoint.encoder.scores(ids, lengths)
    expected = torch.tensor(json.loads((EARLIER / "scores.json").read_text())[preset])
    torch.testing.assert_close(scores, expected)
