"""Names that plugins may still use."""

import pytest
import torch

from fearec_cli.api import LossInputs
from support import tiny


def test_at_wanted_is_at_requested() -> None:
    inputs = tiny.layer_inputs(tiny.layer_shape(), lengths=[10, 4, 1], last_only=True)
    with pytest.warns(DeprecationWarning, match="at_requested"):
        assert torch.equal(inputs.at_wanted(inputs.x), inputs.at_requested(inputs.x))


def test_the_anchor_is_the_representation() -> None:
    signal, targets = torch.rand(2, 4), torch.tensor([0, 1])
    with pytest.warns(DeprecationWarning, match="representation"):
        inputs = LossInputs(anchor=signal, targets=targets, items=torch.rand(3, 4))  # type: ignore[call-arg]
    assert inputs.representation is signal
    with pytest.warns(DeprecationWarning, match="representation"):
        assert inputs.anchor is signal
