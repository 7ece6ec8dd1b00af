"""The engine: precision, and steps that are the same however many processes take them."""

import numpy as np
import pytest
import torch

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe, RunConfig, preset_names
from fearec_cli.devices.engine import Engine
from fearec_cli.training.objective import Objective
from support import sharing, tiny
from support.processes import together

NO_DROPOUT = ("model.hidden_dropout=0", "model.attention_dropout=0")


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["ce+0.1*contrast+0.1*spectral", "ce+0.2*branch-contrast+0.1*sparse-spectrum"])
def test_steps_of_two_processes_are_those_of_one(loss: str) -> None:
    config = tiny.config(*NO_DROPOUT, loss=loss)
    expected = sharing.trained(config)
    for found in together(sharing.trained, config):
        assert found.keys() == expected.keys()
        for name, weights in found.items():
            np.testing.assert_allclose(weights, expected[name], rtol=0, atol=1e-5, err_msg=name)


def test_parameters_that_no_term_reaches_are_let_be() -> None:
    config = tiny.config(*NO_DROPOUT, preset="sasrec", filter="learnable-ramp", loss="ce")
    expected = sharing.trained(config)
    start = sharing.smooth(config).state_dict()
    for found in together(sharing.trained, config):
        for name, weights in found.items():
            np.testing.assert_allclose(weights, expected[name], rtol=0, atol=1e-5, err_msg=name)
            assert np.array_equal(weights, start[name].numpy()) == ("filter" in name), name


def gradients(config: RunConfig) -> tuple[float, list[torch.Tensor]]:
    """The objective of a step, and the gradient of every parameter that has one, in this process."""
    engine = Engine(config.training)
    encoder = tiny.encoder(config).train()
    on_engine = engine.set_up(encoder, torch.optim.Adam(encoder.parameters()))
    objective = Objective(Recipe.of(config, load_components()), engine.processes)
    prefixes = tiny.training_prefixes(sharing.DATA, config.model.max_length, config.model.padding)
    loss, _ = objective(on_engine, prefixes, torch.arange(8), torch.Generator().manual_seed(0))
    on_engine.backward(loss)
    return loss.item(), [value.grad for value in encoder.parameters() if value.grad is not None]


@pytest.mark.parametrize("max_length", [10, 130], ids=["by-matrix", "by-fft"])
@pytest.mark.parametrize("preset", preset_names())
def test_every_model_trains_in_half_precision(preset: str, max_length: int) -> None:
    at_length = (*NO_DROPOUT, f"model.max_length={max_length}")
    exact, _ = gradients(tiny.config(*at_length, preset=preset))
    for precision in ("bf16-mixed", "bf16-true"):
        value, found = gradients(tiny.config(*at_length, f"training.precision={precision}", preset=preset))
        assert value == pytest.approx(exact, rel=0.1)
        assert {gradient.dtype for gradient in found} == {torch.bfloat16 if precision == "bf16-true" else torch.float32}
        assert all(gradient.isfinite().all() for gradient in found)
