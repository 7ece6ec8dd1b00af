"""The ramp of windows: which bins each layer keeps, and the matrix that keeps them."""

from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from fearec_cli.errors import ConfigError
from fearec_plugins._kernels.gains import LONGEST_BY_MATRIX, FixedGain, circulant
from fearec_plugins.filters.window import window_bins
from support import tiny

alphas = st.floats(0.01, 1, allow_nan=False)
lengths = st.integers(2, 120)
depths = st.integers(1, 12)


def windows(n, n_layers, alpha, rule):
    return [window_bins(n, layer, n_layers, alpha, rule) for layer in range(n_layers)]


def random(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@given(lengths, depths, alphas)
def test_the_papers_windows_cover_every_bin(n, n_layers, alpha):
    seen = {bin_ for low, high in windows(n, n_layers, alpha, "paper") for bin_ in range(low, high)}
    assert seen == set(range(n // 2 + 1))


@given(lengths, depths, alphas)
def test_the_papers_windows_go_from_the_highest_bin_to_the_lowest(n, n_layers, alpha):
    found = windows(n, n_layers, alpha, "paper")
    assert found[0][1] == n // 2 + 1
    assert found[-1][0] == 0
    assert found == sorted(found, reverse=True)


@given(lengths, depths, alphas, st.sampled_from(["paper", "authors"]))
def test_a_layer_keeps_a_bin_or_cannot_be_built(n, n_layers, alpha, rule):
    for layer, (low, high) in enumerate(windows(n, n_layers, alpha, rule)):
        shape = tiny.layer_shape(layer=layer, n_layers=n_layers, max_length=n)
        if low >= high:
            with pytest.raises(ConfigError, match=r"would keep none.*window\.alpha"):
                tiny.part("filter", "window", shape, alpha=alpha, rule=rule)
        else:
            built = tiny.part("filter", "window", shape, alpha=alpha, rule=rule)
            assert built.response(n).nonzero().flatten().tolist() == list(range(low, high))


def test_too_many_layers_for_the_bins_are_refused():
    with pytest.raises(ConfigError, match="layer 2 of 5"):
        tiny.part("filter", "window", tiny.layer_shape(layer=2, n_layers=5, max_length=4), alpha=0.1)


@given(st.integers(2, 8), st.sampled_from([0.1, 0.3, 0.5, 0.6, 0.9]))
def test_windows_meet_exactly_where_they_do_not_overlap(n_layers, alpha):
    """With a width of 1 / L, every bin belongs to one layer."""
    assume(alpha <= 1 / n_layers)
    found = windows(2 * (12 * n_layers - 1), n_layers, alpha, "paper")
    assert all(low == next_high for (low, _), (_, next_high) in pairwise(found))


@pytest.mark.parametrize(
    ("n", "n_layers", "alpha", "expected"),
    [
        (50, 2, 0.6, [(10, 26), (0, 15)]),  # F = 26, s = 10.4
        (50, 4, 0.4, [(15, 26), (10, 20), (5, 15), (0, 10)]),  # s = 5.2
        (50, 4, 0.1, [(19, 26), (13, 19), (6, 13), (0, 6)]),  # w = 1 / 4, s = 6.5
        (18, 2, 0.8, [(2, 10), (0, 8)]),  # 10 * (1 - 0.8) is 2, though not in floating point
    ],
)
def test_the_papers_rule_gives_its_windows(n, n_layers, alpha, expected):
    assert windows(n, n_layers, alpha, "paper") == expected


@pytest.mark.parametrize(
    ("n", "n_layers", "alpha", "expected"),
    [
        # The released setting: F = 26, s = floor(10.4).
        (50, 2, 0.6, [(10, 26), (0, 16)]),
        # F = 26, s = floor(2.6) = 2: the last window begins at bin 4.
        (50, 8, 0.3, [(18, 26), (16, 24), (14, 22), (12, 20), (10, 18), (8, 16), (6, 14), (4, 12)]),
        # Windows of 1 / L keep their step of 3.25 bins: only the step of wider windows is cut.
        (50, 8, 0.1, [(22, 26), (19, 22), (16, 19), (13, 16), (9, 13), (6, 9), (3, 6), (0, 3)]),
    ],
)
def test_the_authors_rule_gives_their_windows(n, n_layers, alpha, expected):
    assert windows(n, n_layers, alpha, "authors") == expected


def test_the_papers_rule_reaches_what_the_authors_code_misses():
    missed = set(range(26)) - {b for low, high in windows(50, 8, 0.3, "authors") for b in range(low, high)}
    assert missed == {0, 1, 2, 3}
    assert window_bins(50, 7, 8, 0.3, "paper") == (0, 7)


@given(lengths, alphas, st.sampled_from(["paper", "authors"]))
def test_a_single_layer_keeps_everything(n, alpha, rule):
    assert window_bins(n, 0, 1, alpha, rule) == (0, n // 2 + 1)


@given(lengths, depths, st.sampled_from(["paper", "authors"]))
def test_alpha_one_is_the_identity(n, n_layers, rule):
    shape = tiny.layer_shape(layer=n_layers - 1, n_layers=n_layers, max_length=n)
    window = tiny.part("filter", "window", shape, alpha=1.0, rule=rule)
    x = random(2, n, 8)
    torch.testing.assert_close(window(x, torch.tensor([n, 1])), x, atol=1e-5, rtol=0)


@given(st.integers(2, 40), st.data())
def test_the_matrix_is_a_symmetric_idempotent_circulant(n, data):
    kept = torch.tensor(data.draw(st.lists(st.booleans(), min_size=n // 2 + 1, max_size=n // 2 + 1)))
    matrix = circulant(kept.double(), n)
    torch.testing.assert_close(matrix, matrix.T)
    torch.testing.assert_close(matrix @ matrix, matrix)
    torch.testing.assert_close(matrix.roll((1, 1), (0, 1)), matrix)


@given(st.integers(2, 40), st.data())
def test_the_matrix_keeps_and_drops_bins_of_the_fft(n, data):
    kept = torch.tensor(data.draw(st.lists(st.booleans(), min_size=n // 2 + 1, max_size=n // 2 + 1)))
    x = random(n, 3)
    by_fft = torch.fft.irfft(torch.fft.rfft(x, dim=0) * kept[:, None], n=n, dim=0)
    torch.testing.assert_close(circulant(kept.double(), n) @ x, by_fft)


@given(st.integers(2, 40), st.data())
def test_the_rank_of_the_matrix_counts_the_bins_and_their_mirrors(n, data):
    kept = torch.tensor(data.draw(st.lists(st.booleans(), min_size=n // 2 + 1, max_size=n // 2 + 1)))
    twice = kept.sum() * 2 - kept[0].int() - (kept[-1].int() if n % 2 == 0 else 0)
    assert round(circulant(kept.double(), n).trace().item()) == twice


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("n", [10, 11])
def test_filtering_commutes_with_mixing_channels(n, layer):
    window = tiny.part("filter", "window", tiny.layer_shape(layer=layer, max_length=n)).double()
    x, mixing = random(2, n, 8), random(8, 8)
    count = torch.tensor([n, 2])
    torch.testing.assert_close(window(x @ mixing, count), window(x, count) @ mixing, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("layer", "survives"), [(0, False), (1, True)])
def test_a_bias_survives_only_where_bin_zero_is_kept(layer, survives):
    window = tiny.part("filter", "window", tiny.layer_shape(layer=layer))
    bias = random(8, dtype=torch.float32).expand(2, 10, 8)
    assert bool(window.response(10)[0]) is survives
    expected = bias if survives else torch.zeros_like(bias)
    torch.testing.assert_close(window(bias, torch.tensor([10, 2])), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("n", [10, 11])
def test_the_response_tells_the_gain_of_every_frequency(n):
    window = tiny.part("filter", "window", tiny.layer_shape(max_length=n))
    x = random(1, n, 8, dtype=torch.float32)
    gain = torch.fft.rfft(window(x, torch.tensor([n])), dim=1).abs() / torch.fft.rfft(x, dim=1).abs()
    torch.testing.assert_close(gain[0], window.response(n)[:, None].expand(-1, 8), atol=1e-4, rtol=0)


def test_the_matrix_is_not_stored_with_the_weights():
    assert tiny.part("filter", "window", tiny.layer_shape()).state_dict() == {}


@pytest.mark.parametrize("n", [2, 10, 11, 50])
def test_the_matrix_route_equals_the_fft_route(n, monkeypatch):
    gain = (torch.arange(n // 2 + 1) % 2).float()
    by_matrix = FixedGain(gain, n)
    monkeypatch.setattr("fearec_plugins._kernels.gains.LONGEST_BY_MATRIX", n - 1)
    by_fft = FixedGain(gain, n)
    assert (by_matrix.by_matrix, by_fft.by_matrix) == (True, False)
    x = torch.randn(3, n, 4, generator=torch.Generator().manual_seed(n))
    torch.testing.assert_close(by_matrix(x), by_fft(x), atol=1e-5, rtol=0)


def test_a_long_signal_holds_no_matrix():
    long = FixedGain(torch.ones(LONGEST_BY_MATRIX + 1), 2 * LONGEST_BY_MATRIX)
    assert long.table.numel() == LONGEST_BY_MATRIX + 1
