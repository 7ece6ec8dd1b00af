"""Hooks, low-rank adapters and other changed linear maps work, whichever way a model is computed."""

import pytest
import torch
from torch import Tensor, nn

from fearec_cli import kernels
from fearec_cli.kernels import Mode
from fearec_cli.model.encoder import Encoder
from support import tiny

MODELS = {
    "ramp+autocorr": ("mix", "window"),
    "dot+autocorr": ("gate", "window"),
    "ramp+dot": ("concat", "window"),
    "identity+dot": ("norm-mix", "band-rescale"),
}
every_model = pytest.mark.parametrize("attention", MODELS)
either_way = pytest.mark.parametrize("mode", ["auto", "plain"])


class LowRank(nn.Module):
    """W x + b of a frozen map, plus B A x with A and B learned (Hu et al., ICLR 2022); B starts at zero."""

    def __init__(self, frozen: nn.Linear, rank: int = 2) -> None:
        super().__init__()
        self.frozen = frozen.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, frozen.in_features))
        self.up = nn.Parameter(torch.zeros(frozen.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.frozen(x) + x @ self.down.T @ self.up.T
        return out


def model(attention: str) -> tuple[Encoder, Tensor, Tensor]:
    fusion, layer_filter = MODELS[attention]
    settings = tiny.config(attention=attention, fusion=fusion, filter=layer_filter)
    return tiny.encoder(settings).train(), *tiny.sequences_batch([10, 4, 1], 10, 20, "right")


def linears(encoder: Encoder) -> dict[str, nn.Linear]:
    return {name: module for name, module in encoder.named_modules() if isinstance(module, nn.Linear)}


@either_way
@every_model
def test_a_forward_hook_on_every_linear_map_fires(attention: str, mode: Mode) -> None:
    encoder, ids, lengths = model(attention)
    fired: set[str] = set()
    for name, linear in linears(encoder).items():
        linear.register_forward_hook(lambda *_, name=name: fired.add(name))
    with kernels.using(mode):
        encoder.represent(ids, lengths)
    assert fired == linears(encoder).keys()


@every_model
def test_a_hook_changes_no_number(attention: str) -> None:
    encoder, ids, lengths = model(attention)
    encoder.eval()
    before = encoder.represent(ids, lengths)
    for linear in linears(encoder).values():
        linear.register_forward_hook(lambda *_: None)
    torch.testing.assert_close(encoder.represent(ids, lengths), before)


@either_way
@every_model
def test_low_rank_adapters_train(attention: str, mode: Mode) -> None:
    encoder, ids, lengths = model(attention)
    encoder.eval().requires_grad_(False)
    with kernels.using(mode):
        before = encoder.represent(ids, lengths)
        for name, linear in linears(encoder).items():
            parent, _, attribute = name.rpartition(".")
            setattr(encoder.get_submodule(parent), attribute, LowRank(linear))
        learned = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
        assert len(learned) == 2 * len(linears(encoder))
        torch.testing.assert_close(encoder.represent(ids, lengths), before)
        optimizer = torch.optim.SGD(learned, lr=0.1)
        encoder.represent(ids, lengths).square().mul(torch.arange(8)).sum().backward()
        assert all(module.up.grad.abs().sum() > 0 for module in encoder.modules() if isinstance(module, LowRank))
        optimizer.step()
        assert not torch.allclose(encoder.represent(ids, lengths), before)
