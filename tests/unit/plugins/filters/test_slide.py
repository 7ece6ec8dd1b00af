"""The slide filter."""

import pytest
import torch

from fearec_cli.errors import ConfigError
from support import tiny


def slide(n=10, layer=0, n_layers=2, **options):
    torch.manual_seed(0)
    return tiny.part("filter", "slide", tiny.layer_shape(max_length=n, layer=layer, n_layers=n_layers), **options)


@pytest.mark.parametrize("n", [10, 15, 50])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.8])
def test_the_static_windows_part_the_spectrum_and_the_dynamic_ones_cover_it(n, n_layers, alpha):
    bins = list(range(n // 2 + 1))
    windows = [slide(n, layer, n_layers, alpha=alpha).windows for layer in range(n_layers)]
    static = [bin_ for _, (low, high) in windows for bin_ in range(low, high)]
    assert sorted(static) == bins
    assert {bin_ for (low, high), _ in windows for bin_ in range(low, high)} == set(bins)
    assert [high for (_, high), _ in windows] == sorted((high for (_, high), _ in windows), reverse=True)


@pytest.mark.parametrize(("gamma", "chosen"), [(0.0, "dynamic"), (1.0, "static")])
def test_at_the_limits_of_gamma_it_is_one_of_the_filters(gamma, chosen):
    part = slide(16, alpha=0.75, gamma=gamma)
    low, high = part.windows[0 if chosen == "dynamic" else 1]
    weight = torch.view_as_complex(getattr(part, chosen))
    spectrum = part.spectrum()
    torch.testing.assert_close(spectrum[low:high], weight)
    assert not spectrum[:low].any()
    assert not spectrum[high:].any()


def test_only_the_weights_inside_the_windows_are_learned():
    part = slide(16, alpha=0.75)
    assert {name: tuple(p.shape) for name, p in part.named_parameters()} == {"dynamic": (7, 8, 2), "static": (5, 8, 2)}


def test_more_layers_than_frequencies_are_refused():
    with pytest.raises(ConfigError, match=r"^slide: layer . of 8 .* 3 frequencies of model\.max_length = 4"):
        [slide(4, layer, 8) for layer in range(8)]
