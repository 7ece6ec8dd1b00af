"""Causal filters: each position is what the circular filter of its own history gives at its end."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.errors import ConfigError
from support import tiny

CAUSAL = ("causal-window", "causal-ramp", "shared-fir", "position-fir")


def made(name: str, n: int = 10, layer: int = 0, **options: object) -> torch.nn.Module:
    torch.manual_seed(4)
    part: torch.nn.Module = tiny.part("filter", name, tiny.layer_shape(max_length=n, layer=layer), **options)
    for parameter in part.parameters():
        torch.nn.init.normal_(parameter)
    return part


def signal(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, n, 8, generator=torch.Generator().manual_seed(seed))


@given(st.integers(2, 24), st.integers(0, 1), st.sampled_from([0.3, 0.6, 1.0]))
def test_the_end_of_a_history_is_that_of_the_window_of_its_own_length(n: int, layer: int, alpha: float) -> None:
    causal = made("causal-window", 24, layer, alpha=alpha)
    x = signal(n)
    kept = causal.response(n)
    expected = torch.fft.irfft(torch.fft.rfft(x.double(), dim=1) * kept[:, None], n=n, dim=1)[:, -1]
    got = causal(x, torch.tensor([n, n]))[:, -1].double()
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


@given(st.integers(1, 10))
def test_a_learned_gain_acts_at_every_length_alike(n: int) -> None:
    causal = made("causal-ramp")
    x = signal(n)
    spectrum = torch.fft.rfft(x.double(), dim=1) * causal.response(n)[:, None]
    expected = torch.fft.irfft(spectrum, n=n, dim=1)[:, -1]
    got = causal(x, torch.tensor([n, n]))[:, -1].double()
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CAUSAL)
def test_a_shorter_signal_has_the_first_rows(name: str) -> None:
    part, x = made(name), signal(10)
    whole = part(x, torch.tensor([10, 10]))
    assert torch.allclose(part(x[:, :6], torch.tensor([6, 6])), whole[:, :6], atol=1e-6)


@pytest.mark.parametrize("name", CAUSAL)
def test_the_future_moves_nothing(name: str) -> None:
    part, x = made(name), signal(10)
    before = part(x, torch.tensor([10, 10]))
    for position in range(9):
        other = x.clone()
        other[:, position + 1 :] += 100
        assert torch.equal(part(other, torch.tensor([10, 10]))[:, : position + 1], before[:, : position + 1])


def test_a_shared_response_is_a_convolution() -> None:
    part, x = made("shared-fir", taps=3), signal(10)
    taps = part.taps.detach()
    expected = sum(taps[k] * torch.nn.functional.pad(x, (0, 0, k, 0))[:, :10] for k in range(3))
    torch.testing.assert_close(part(x, torch.tensor([10, 10])), expected)


def test_a_position_mixes_normalised_responses() -> None:
    part, x = made("position-fir", bases=2), signal(10)
    bases = part.bases / part.bases.norm(dim=1, keepdim=True)
    out = part(x, torch.tensor([10, 10]))
    for t in range(10):
        h = part.mixture[t] @ bases
        expected = sum(h[k] * x[:, t - k] for k in range(t + 1))
        torch.testing.assert_close(out[:, t], expected, rtol=1e-4, atol=1e-5)


def test_too_long_a_table() -> None:
    with pytest.raises(ConfigError, match="causal-ramp: takes 256 positions at most"):
        made("causal-ramp", 257)
