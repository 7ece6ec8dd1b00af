"""The device that a name means."""

import pytest

from fearec_cli.errors import TrainingError
from fearec_cli.training.device import choose_device


@pytest.mark.parametrize("name", ["cpu", "auto"])
def test_the_device_is_chosen(name: str) -> None:
    assert choose_device(name).type in ("cpu", "cuda")


@pytest.mark.parametrize("name", ["banana", "xpu", "cuda:9999", "meta", ""])
def test_a_device_that_is_not_there_is_told(name: str) -> None:
    with pytest.raises(TrainingError, match=f"device '{name}' is not available on this machine; use 'auto' or 'cpu'"):
        choose_device(name)
