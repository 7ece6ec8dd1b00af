"""The transform against its definition."""

import pytest
import torch
from fearec_wavelet.haar import band_responses, decompose


@pytest.mark.parametrize("n", [1, 2, 7, 8, 50])
@pytest.mark.parametrize("levels", [1, 2, 5])
def test_the_parts_add_up_to_the_signal(n: int, levels: int) -> None:
    signal = torch.randn(2, n, 3, dtype=torch.float64)
    details, rest = decompose(signal, levels)
    assert len(details) == levels
    torch.testing.assert_close(sum(details) + rest, signal)


def test_by_hand() -> None:
    signal = torch.tensor([4.0, 2.0, 0.0, 8.0])[None, :, None]
    (first, second), rest = decompose(signal, 2)
    # a_1 = 4, 3, 1, 4; a_2(t) = (a_1(t) + a_1(t - 2)) / 2, the first position standing for what came before.
    assert first.flatten().tolist() == [0, -1, -1, 4]
    assert second.flatten().tolist() == [0, -0.5, -1.5, 0.5]
    assert rest.flatten().tolist() == [4, 3.5, 2.5, 3.5]


def test_a_constant_has_no_details() -> None:
    details, rest = decompose(torch.full((1, 9, 2), 3.0), 4)
    assert all(not detail.any() for detail in details)
    assert (rest == 3).all()


def test_the_responses_add_up_to_one() -> None:
    torch.testing.assert_close(band_responses(12, 3).sum(0), torch.ones(7, dtype=torch.complex64))


def test_the_responses_are_those_of_the_transform() -> None:
    n, levels, bin_ = 64, 3, 5
    wave = torch.exp(2j * torch.pi * bin_ * torch.arange(n) / n).to(torch.complex64)
    details, rest = decompose(torch.stack([wave.real, wave.imag], -1)[None], levels)
    for band, part in zip(band_responses(n, levels), [*details, rest], strict=True):
        found = torch.view_as_complex(part[0].contiguous()) / wave
        inside = found[2**levels :]  # the beginning has less to look back on
        torch.testing.assert_close(inside, band[bin_].expand_as(inside), rtol=1e-4, atol=1e-5)
