"""Optimiser, schedule, clipping and average against torch's own and formulas written out."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fearec_cli.config import TrainingConfig
from fearec_cli.model.average import WeightAverage
from fearec_cli.training.optimizer import clip_gradient, make_optimizer, scheduled_rate, set_rate
from support.tiny import config, encoder

SETTINGS = config("model.layers=1")


def rates(training: TrainingConfig, steps: int) -> list[float]:
    return [scheduled_rate(training, step) for step in range(1, steps + 1)]


def torchs_rates(warmup: int, total: int, rate: float) -> list[float]:
    """The same schedule of torch's schedulers."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    cosine = CosineAnnealingLR(optimizer, total - warmup)
    scheduler: SequentialLR | CosineAnnealingLR = cosine
    if warmup > 1:
        rise = LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
        scheduler = SequentialLR(optimizer, [rise, CosineAnnealingLR(optimizer, total - warmup)], [warmup])
    elif warmup == 1:  # a rise of one step begins at its end
        flat = LinearLR(optimizer, 1.0, total_iters=1)
        scheduler = SequentialLR(optimizer, [flat, CosineAnnealingLR(optimizer, total - 1)], [1])
    found = []
    for _ in range(total):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@given(st.integers(0, 20), st.integers(1, 40), st.floats(1e-5, 1))
def test_the_cosine_is_that_of_torch(warmup: int, more: int, rate: float) -> None:
    training = TrainingConfig(learning_rate=rate, schedule="cosine", warmup_steps=warmup, schedule_steps=warmup + more)
    torch.testing.assert_close(rates(training, warmup + more), torchs_rates(warmup, warmup + more, rate))


def test_a_schedule_written_out() -> None:
    training = TrainingConfig(learning_rate=0.8, schedule="cosine", warmup_steps=4, schedule_steps=8)
    half = math.sqrt(0.5)
    expected = [0.2, 0.4, 0.6, 0.8, 0.8, 0.4 * (1 + half), 0.4, 0.4 * (1 - half), 0.0, 0.0]
    assert rates(training, 10) == pytest.approx(expected)


def test_a_constant_rate_is_exactly_what_was_asked_for() -> None:
    assert set(rates(TrainingConfig(learning_rate=0.003), 50)) == {0.003}
    warm = rates(TrainingConfig(learning_rate=0.003, warmup_steps=10), 50)
    assert warm[:10] == pytest.approx([0.0003 * step for step in range(1, 11)])
    assert set(warm[9:]) == {0.003}


def gradients(model: nn.Module, seed: int, scale: float = 1.0) -> None:
    """Random gradients of all parameters."""
    generator = torch.Generator().manual_seed(seed)
    for value in model.parameters():
        value.grad = torch.randn(value.shape, generator=generator) * scale


@pytest.mark.parametrize("preset", ["fearec", "fearec-survey", "bsarec", "slime4rec"])
def test_without_decay_the_optimiser_is_adam_bit_for_bit(preset: str) -> None:
    settings = config(preset=preset)
    ours, plain = encoder(settings), encoder(settings)
    optimizer, adam = make_optimizer(ours, settings.training), torch.optim.Adam(plain.parameters(), 1e-3, fused=True)
    set_rate(optimizer, 1e-3)
    for seed in range(4):
        gradients(ours, seed)
        gradients(plain, seed)
        optimizer.step()
        adam.step()
    for name, value in plain.state_dict().items():
        assert value.equal(ours.state_dict()[name]), name


def test_decay_takes_its_share_of_linear_layers_and_tables_alone() -> None:
    model = encoder(SETTINGS)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = make_optimizer(model, TrainingConfig(learning_rate=0.1, weight_decay=0.5))
    for value in model.parameters():
        value.grad = torch.zeros_like(value)
    optimizer.step()
    decayed = {name for name, value in model.named_parameters() if not value.equal(before[name])}
    linear = {f"{name}.weight" for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    assert decayed == {"embedding.items.weight", "embedding.positions.weight", *linear}
    for name in decayed:
        torch.testing.assert_close(model.state_dict()[name], before[name] * 0.95)
    assert not model.embedding.items.weight[0].any()  # the padding row
    spared = [name for name in before if name not in decayed]
    assert any("norm" in name for name in spared)
    assert any(name.endswith("bias") for name in spared)


def test_masks_of_filters_are_not_decayed() -> None:
    model = encoder(config(preset="fearec-survey"))
    spared = make_optimizer(model, TrainingConfig(weight_decay=0.1)).param_groups[1]
    assert spared["weight_decay"] == 0
    spared_ids = {id(value) for value in spared["params"]}
    masks = [value for name, value in model.named_parameters() if name.endswith("mask")]
    assert masks
    assert all(id(value) in spared_ids for value in masks)


def test_every_parameter_is_learned_once() -> None:
    model = encoder(SETTINGS)
    groups = make_optimizer(model, SETTINGS.training).param_groups
    learned = [id(value) for group in groups for value in group["params"]]
    assert sorted(learned) == sorted(id(value) for value in model.parameters())


@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(0.01, 10))
def test_clipping_shrinks_to_the_norm_and_keeps_the_direction(seed: int, scale: float, largest: float) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    gradients(model, seed, scale)
    before = torch.cat([value.grad.flatten().clone() for value in model.parameters()])
    norm = clip_gradient(model, largest)
    after = torch.cat([value.grad.flatten() for value in model.parameters()])
    expected = before.double().square().sum().sqrt()
    torch.testing.assert_close(norm.double(), expected, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        after.double(), before.double() * min(1.0, largest / expected.item()), rtol=1e-4, atol=1e-9
    )


def test_without_a_limit_the_gradient_stays_as_it_is() -> None:
    model = nn.Linear(3, 4)
    gradients(model, 0, 1e6)
    before = model.weight.grad.clone()
    assert clip_gradient(model, 0.0) > 1e6
    assert model.weight.grad.equal(before)
    model.bias.grad = None  # of a parameter that took no part
    assert clip_gradient(model, 0.0).isfinite()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_gradient_that_is_not_finite_shows_in_the_norm(value: float) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    gradients(model, 0)
    model[1].bias.grad[1] = value
    assert not clip_gradient(model, 1.0).isfinite()


@given(st.floats(0.01, 0.999))
def test_the_average_is_that_of_torch(decay: float) -> None:
    model = encoder(SETTINGS)
    average = WeightAverage(model, decay)
    reference = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    reference.update_parameters(model)  # torch's first one copies
    for seed in range(4):
        gradients(model, seed)
        with torch.no_grad():
            for value in model.parameters():
                value -= 0.1 * value.grad
        average.follow(model)
        reference.update_parameters(model)
    for name, value in reference.module.state_dict().items():
        torch.testing.assert_close(average.encoder.state_dict()[name], value, msg=name)


def test_an_average_written_out() -> None:
    model = encoder(SETTINGS)
    bias = model.embedding.norm.bias
    average = WeightAverage(model, 0.75)
    with torch.no_grad():
        bias.fill_(0.0)
        average.encoder.embedding.norm.bias.fill_(0.0)
        for value in (4.0, 8.0):
            bias.fill_(value)
            average.follow(model)
    assert average.encoder.embedding.norm.bias.tolist() == pytest.approx([2.75] * len(bias))
    assert not any(value.requires_grad for value in average.encoder.parameters())
    assert not average.encoder.training
