"""Our contrast against an independent implementation of DuoRec's loss."""

import pytest
import torch

from fearec_cli.api import LossInputs
from reference.duorec_loss import duorec_loss
from support import tiny

TOLERANCE = 1e-5


@pytest.mark.parametrize("batch", range(1, 9))
@pytest.mark.parametrize("similarity", ["dot", "cos"])
@pytest.mark.parametrize("pairs", ["un", "su", "us", "us_x"])
def test_contrast_equals_the_reference(pairs, similarity, batch):
    generator = torch.Generator().manual_seed(batch)
    views = {name: torch.randn(batch, 6, generator=generator) for name in ("anchor", "dropout", "semantic")}
    inputs = LossInputs(
        views["anchor"],
        torch.zeros(batch, dtype=torch.int64),
        torch.zeros(2, 6),
        views={name: views[name] for name in ("dropout", "semantic")},
    )
    lists = {name: view.double().tolist() for name, view in views.items()}
    for tau in (0.05, 0.2, 1.0, 5.0):
        ours = tiny.part("loss", "contrast", pairs=pairs, similarity=similarity, temperature=tau)(inputs)
        expected = duorec_loss(lists, pairs, tau, similarity)
        assert ours.item() == pytest.approx(expected, rel=TOLERANCE, abs=TOLERANCE), tau
