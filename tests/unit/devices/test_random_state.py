"""A process's own random numbers leave the common ones as they were."""

import pytest
import torch

from fearec_cli.devices.random_state import OwnRandom


def test_the_own_state_goes_on_and_the_common_one_is_untouched() -> None:
    torch.manual_seed(1)
    own = OwnRandom(torch.device("cpu"), 5)
    common = [torch.rand(3)]
    with own.instead():
        drawn = [torch.rand(3)]
    common.append(torch.rand(3))
    with own.instead():
        drawn.append(torch.rand(3))

    torch.manual_seed(1)
    assert torch.equal(torch.cat(common), torch.rand(6))
    torch.manual_seed(5)
    assert torch.equal(torch.cat(drawn), torch.rand(6))


def test_an_error_inside_gives_the_common_state_back() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    own = OwnRandom(torch.device("cpu"), 5)
    with pytest.raises(ValueError, match="inside"), own.instead():
        raise ValueError("inside")
    assert torch.equal(torch.rand(2), expected)
