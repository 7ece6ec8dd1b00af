"""The parts against fearec's contracts, and what they promise besides."""

import pytest
import torch
from fearec_wavelet.filter import HaarWavelet, HaarWaveletOptions, fearec_filters
from fearec_wavelet.sparsity import WaveletSparsity, WaveletSparsityOptions, fearec_losses

from fearec_cli.api import LayerShape, LossInputs
from fearec_cli.errors import ConfigError
from fearec_cli.testing import check_filter, check_loss


def shape(n: int) -> LayerShape:
    return LayerShape(layer=0, n_layers=1, max_length=n, dim=4, heads=1)


def sparsity_of(positions: torch.Tensor) -> float:
    inputs = LossInputs(
        positions[:, -1], torch.zeros(1, dtype=torch.int64), torch.zeros(2, 4), positions={"anchor": positions}
    )
    return WaveletSparsity(WaveletSparsityOptions())(inputs).item()


def test_the_filter_keeps_its_contract() -> None:
    for component in fearec_filters():
        check_filter(component)


def test_the_loss_keeps_its_contract() -> None:
    for component in fearec_losses():
        check_loss(component)


@pytest.mark.parametrize("n", [5, 12])
def test_unit_gains_change_nothing(n: int) -> None:
    x = torch.randn(2, n, 4)
    part = HaarWavelet(HaarWaveletOptions(), shape(n))
    torch.testing.assert_close(part(x, torch.tensor([n, 1])), x)
    torch.testing.assert_close(part.response(n), torch.ones(n // 2 + 1, 4))


def test_without_details_fast_changes_are_gone() -> None:
    part = HaarWavelet(HaarWaveletOptions(levels=1, start=0), shape(8))
    assert part.response(8)[-1].abs().max() < 1e-6
    assert part.response(8)[0].tolist() == [1, 1, 1, 1]


def test_a_level_longer_than_a_sequence_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"looks 8 positions back, and model\.max_length = 8"):
        HaarWavelet(HaarWaveletOptions(levels=4), shape(8))


def test_one_jump_costs_less_than_a_restless_sequence_of_the_same_height() -> None:
    constant, jump = torch.ones(1, 8, 4), torch.ones(1, 8, 4)
    jump[:, 4:] = -1
    restless = torch.tensor([1.0, -1.0] * 4)[None, :, None].expand(1, 8, 4)
    assert sparsity_of(constant) == 0 < sparsity_of(jump) < sparsity_of(restless)
