"""Cross-entropy in blocks of items, against torch's over the whole product."""

import importlib.util
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from fearec_cli.api import AddedScores
from fearec_plugins.losses import _cross_entropy as module
from fearec_plugins.losses._cross_entropy import Blocks, cross_entropy

NOTHING, EVERYTHING = 0, 2**40


def drawn(batch, n_items, dim=4, *, scale=1.0, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    anchor = torch.randn(batch, dim, generator=generator, dtype=dtype) * scale
    items = torch.randn(n_items, dim, generator=generator, dtype=dtype)
    targets = torch.randint(n_items, (batch,), generator=generator)
    return anchor.requires_grad_(), items.requires_grad_(), targets


def blocks_of(items, kept, batch, itemsize=8):
    """Blocks of so many items."""
    return Blocks(block=items * batch * itemsize, kept=kept)


def value_and_gradients(loss, anchor, items, targets):
    value = loss(anchor, items, targets)
    return value.detach(), *torch.autograd.grad(value, (anchor, items))


def whole(anchor, items, targets):
    return functional.cross_entropy(anchor @ items.T, targets)


@given(
    st.integers(1, 6),
    st.integers(1, 30),
    st.integers(1, 31),
    st.sampled_from([NOTHING, EVERYTHING]),
    st.sampled_from([0.0, 1.0, 1e2, 1e4]),
    st.integers(0, 2**32 - 1),
)
def test_equals_the_whole_product(batch, n_items, size, kept, scale, seed):
    inputs = drawn(batch, n_items, scale=scale, seed=seed)

    def in_blocks(*inputs):
        return cross_entropy(*inputs, blocks_of(size, kept, batch))

    for got, expected in zip(value_and_gradients(in_blocks, *inputs), value_and_gradients(whole, *inputs), strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11 * max(1, scale))


@pytest.mark.parametrize("kept", [NOTHING, EVERYTHING])
@pytest.mark.parametrize("target", range(7))
def test_the_target_may_stand_in_any_block(target, kept):
    anchor, items, _ = drawn(1, 7)
    targets = torch.tensor([target])
    got = cross_entropy(anchor, items, targets, blocks_of(3, kept, 1))
    assert got.item() == pytest.approx(whole(anchor, items, targets).item(), rel=1e-12)


@pytest.mark.parametrize("kept", [NOTHING, EVERYTHING])
@pytest.mark.parametrize("size", [1, 3, 10])
def test_the_gradient_is_that_of_finite_differences(size, kept):
    anchor, items, targets = drawn(3, 10)
    blocks = blocks_of(size, kept, 3)
    assert torch.autograd.gradcheck(lambda a, i: cross_entropy(a, i, targets, blocks), (anchor, items))


@pytest.mark.parametrize("kept", [NOTHING, EVERYTHING])
@pytest.mark.parametrize("order", [[1e4, -1e4, 0.0, 9e3], [-1e4, 0.0, 9e3, 1e4]])
def test_extreme_scores_in_single_precision(order, kept):
    """The largest score may come first or last: no exponential overflows, none that matters is lost."""
    items, anchor = torch.tensor(order)[:, None].requires_grad_(), torch.ones(4, 1, requires_grad=True)
    targets = torch.arange(4)
    blocks = blocks_of(1, kept, 4, itemsize=4)
    got = value_and_gradients(lambda *inputs: cross_entropy(*inputs, blocks), anchor, items, targets)
    expected = value_and_gradients(whole, anchor, items, targets)
    for one, other in zip(got, expected, strict=True):
        assert one.isfinite().all()
        torch.testing.assert_close(one, other)


def test_a_sure_prediction_costs_nothing_and_pulls_nothing():
    items = torch.tensor([[1e4], [0.0], [0.0]], requires_grad=True)
    anchor = torch.ones(1, 1, requires_grad=True)
    loss = cross_entropy(anchor, items, torch.tensor([0]), blocks_of(1, NOTHING, 1, itemsize=4))
    by_anchor, by_items = torch.autograd.grad(loss, (anchor, items))
    assert loss.item() == 0
    assert by_anchor.count_nonzero() == by_items.count_nonzero() == 0


@pytest.mark.parametrize("kept", [NOTHING, EVERYTHING])
def test_a_graph_that_is_kept_gives_the_same_gradient_again(kept):
    anchor, items, targets = drawn(3, 10)
    loss = cross_entropy(anchor, items, targets, blocks_of(4, kept, 3))
    first = torch.autograd.grad(loss, (anchor, items), retain_graph=True)
    for one, other in zip(first, torch.autograd.grad(loss, (anchor, items)), strict=True):
        assert torch.equal(one, other)


def test_half_precision_is_computed_in_single_under_autocast_too():
    anchor, items, targets = drawn(3, 10, dtype=torch.bfloat16)
    single = [signal.detach().float().requires_grad_() for signal in (anchor, items)]
    blocks = blocks_of(4, NOTHING, 3, itemsize=4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = cross_entropy(anchor, items, targets, blocks)
        gradients = torch.autograd.grad(loss, (anchor, items))
    expected, *expected_gradients = value_and_gradients(whole, *single, targets)
    torch.testing.assert_close(loss.detach(), expected)
    for one, other in zip(gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other.bfloat16())


def test_a_second_derivative_is_refused():
    anchor, items, targets = drawn(3, 10)
    loss = cross_entropy(anchor, items, targets, blocks_of(4, NOTHING, 3))
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss, anchor, create_graph=True)


class Sizes(TorchDispatchMode):
    """Remembers the largest tensor that any operation gave."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.untyped_storage().nbytes())
        return out


def test_the_scores_of_the_catalogue_are_never_there():
    batch, n_items, size = 8, 1000, 50
    anchor, items, targets = drawn(batch, n_items)
    with Sizes() as sizes:
        cross_entropy(anchor, items, targets, blocks_of(size, NOTHING, batch)).backward()
    assert sizes.largest == items.numel() * 8  # the table and its gradient; a block of scores is smaller
    assert size * batch < items.numel() < n_items * batch


@pytest.mark.slow
@pytest.mark.parametrize("kept", [NOTHING, EVERYTHING])
def test_it_compiles_in_one_graph(kept, monkeypatch):
    anchor, items, targets = drawn(3, 10)
    blocks = blocks_of(4, kept, 3)
    plain = without_shape_checks(module)
    monkeypatch.setitem(sys.modules, plain.__name__, plain)
    compiled = torch.compile(lambda *inputs: plain.cross_entropy(*inputs, blocks), backend="aot_eager", fullgraph=True)
    for one, other in zip(
        value_and_gradients(compiled, anchor, items, targets),
        value_and_gradients(lambda *inputs: cross_entropy(*inputs, blocks), anchor, items, targets),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def without_shape_checks(checked):
    """The module as users have it: the checks of the test suite cannot be compiled."""
    spec = importlib.util.spec_from_file_location("unchecked", checked.__file__)
    unchecked = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unchecked)
    return unchecked


@pytest.mark.parametrize("blocks", [None, Blocks(block=64, kept=0), Blocks(block=64, kept=2**20)])
@pytest.mark.parametrize(("smoothing", "ahead"), [(0.2, 0.0), (0.0, 0.3), (0.1, 0.25)])
def test_soft_targets_and_added_scores_beside_the_whole_matrix(
    blocks: Blocks | None, smoothing: float, ahead: float
) -> None:
    generator = torch.Generator().manual_seed(0)
    anchor = torch.randn(6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    items = torch.randn(9, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(9, (6,), generator=generator)
    later = torch.tensor([[1, 2], [3, -1], [-1, -1], [0, 8], [5, 5], [2, -1]])
    rows, columns = torch.tensor([0, 0, 3, 5]), torch.tensor([int(targets[0]), 4, 8, 1])
    values = torch.randn(4, generator=generator, dtype=torch.float64, requires_grad=True)
    added = AddedScores(rows, columns, values)
    got = cross_entropy(anchor, items, targets, blocks, smoothing=smoothing, ahead=ahead, later=later, added=added)

    def expected(scores: torch.Tensor) -> torch.Tensor:
        ratio = ahead / (1 - ahead)
        q = torch.zeros(6, 9, dtype=torch.float64)
        for row in range(6):
            shares = {int(targets[row]): 1.0}
            for step, item in enumerate(later[row].tolist(), 1):
                if item >= 0 and ahead:
                    shares[item] = shares.get(item, 0.0) + ratio**step
            for item, share in shares.items():
                q[row, item] += (1 - smoothing) * share / sum(shares.values())
        q += smoothing / 9
        return -(q * scores.log_softmax(1)).sum(1).mean()

    products = anchor @ items.T
    biased = products.detach().index_put((rows, columns), values, accumulate=True)
    torch.testing.assert_close(got, expected(biased))
    got.backward()
    found = anchor.grad, items.grad, values.grad
    # What is added learns from the whole; the representations from the products alone.
    by_anchor, by_items = torch.autograd.grad(expected(products), (anchor, items))
    (by_values,) = torch.autograd.grad(expected(biased), values)
    for got_gradient, gradient in zip(found, (by_anchor, by_items, by_values), strict=True):
        torch.testing.assert_close(got_gradient, gradient)
