"""A process that is alone, without Fabric."""

import pytest
import torch

from fearec_cli.devices import engine
from fearec_cli.devices.single import OneDevice
from support import tiny


def test_it_leaves_module_and_optimiser_as_they_are():
    module = torch.nn.Linear(2, 1, bias=False)
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    alone = OneDevice(torch.device("cpu"))
    assert alone.setup(module, optimizer) == (module, optimizer)
    assert (alone.device.type, alone.global_rank, alone.world_size) == ("cpu", 0, 1)
    alone.backward(module(torch.tensor([2.0, 3.0])).sum())
    assert module.weight.grad.tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize(("precision", "alone"), [("32-true", True), ("bf16-mixed", False)])
def test_an_engine_takes_it_in_float32_alone(precision, alone, monkeypatch):
    started = []
    start = engine._start
    monkeypatch.setattr(engine, "_start", lambda *arguments: started.append(arguments) or start(*arguments))
    engine.Engine(tiny.config(f"training.precision={precision}", "training.device=cpu").training)
    assert (not started) is alone
