"""The frequency rescaler."""

import pytest
import torch

from fearec_cli.errors import ConfigError
from support import tiny


def rescale(n=10, **options):
    torch.manual_seed(0)
    return tiny.part("filter", "band-rescale", tiny.layer_shape(max_length=n), **options)


def test_low_frequencies_stay_and_the_others_are_scaled():
    part = rescale(cutoff=2)
    time = torch.arange(10)[:, None] / 10
    for bin_, low in [(0, True), (1, True), (2, False), (4, False), (5, False)]:
        wave = torch.cos(2 * torch.pi * bin_ * time).expand(1, 10, 8)
        expected = wave if low else wave * part.beta.detach() ** 2
        torch.testing.assert_close(part(wave, torch.tensor([10])), expected, atol=1e-5, rtol=0)


def test_at_beta_one_it_is_the_identity():
    part = rescale()
    torch.nn.init.constant_(part.beta, -1.0)  # its square counts
    x = torch.randn(2, 10, 8)
    torch.testing.assert_close(part(x, torch.tensor([10, 3])), x)


@pytest.mark.parametrize(("n", "kept"), [(10, 3), (20, 6), (5, 2), (40, 12)])
def test_at_another_length_low_is_below_the_same_frequency(n, kept):
    response = rescale(cutoff=3).response(n)
    assert ((response == 1).all(1)).sum() == kept


@pytest.mark.parametrize("n", [10, 11])
def test_all_frequencies_may_stay_but_no_more(n):
    rescale(n, cutoff=6)
    with pytest.raises(ConfigError, match=rf"^band-rescale\.cutoff: 7 .* 6 .*model\.max_length = {n}"):
        rescale(n, cutoff=7)


def test_the_matrix_is_not_stored_with_the_weights():
    assert list(rescale().state_dict()) == ["beta"]
