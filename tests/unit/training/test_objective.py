"""The weighted sum of terms, and the views that it makes."""

import pytest
import torch

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe
from fearec_cli.training.objective import Objective
from support import tiny

# Every history is of one user alone, so that it tells its target.
DATA = [[user, user + 10, 1, 2, 3, 4, 5] for user in range(1, 7)]
NO_DROPOUT = ("model.hidden_dropout=0", "model.attention_dropout=0")


class Reader:
    """A term that keeps what it was given."""

    def __init__(self, loss):
        self._loss, self.views = loss, loss.views

    def __call__(self, inputs):
        self.inputs = inputs
        return self._loss(inputs)


class Step:
    """One call of an objective, with what the encoder and the last term were given."""

    def __init__(self, loss, *assignments, seed=0, training=True, chosen=(0, 5, 9, 14)):
        config = tiny.config(*assignments, loss=loss)
        self.encoder = tiny.encoder(config).train(training)
        self.prefixes = tiny.training_prefixes(DATA, 10)
        self.objective = Objective(Recipe.of(config, load_components()))
        readers = [Reader(term.loss) for term in self.objective.terms]
        self.objective.terms = tuple(
            term._replace(loss=reader) for term, reader in zip(self.objective.terms, readers, strict=True)
        )
        self.calls: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.encoder.register_forward_pre_hook(lambda module, inputs: self.calls.append(inputs[:2]))
        self.chosen = torch.tensor(chosen)
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        self.total, self.values = self.objective(self.encoder, self.prefixes, self.chosen, generator)
        self.inputs = readers[-1].inputs


@pytest.mark.parametrize(
    ("loss", "assignments", "passes"),
    [
        ("ce", (), 1),
        ("ce+0.1*contrast", ("contrast.pairs=un",), 2),
        ("ce+0.1*contrast", ("contrast.pairs=su",), 2),
        ("ce+0.1*contrast", ("contrast.pairs=us_x",), 3),
        ("ce+0.1*contrast+0.1*spectral", ("contrast.pairs=un", "spectral.pairs=su"), 3),
    ],
)
def test_one_encoder_batch_holds_the_views_that_are_read_and_no_other(loss, assignments, passes):
    step = Step(loss, *assignments)
    ((ids, lengths),) = step.calls
    assert ids.shape == (4 * passes, 10)
    assert lengths.shape == (4 * passes,)


def test_the_shortest_sequences_are_encoded_first():
    ((_, lengths),) = Step("ce+0.1*contrast").calls
    assert lengths.tolist() == sorted(lengths.tolist())
    assert len(set(lengths.tolist())) > 1


def test_the_first_view_is_the_batch_itself_and_the_dropout_view_repeats_it():
    step = Step("ce+0.1*contrast", *NO_DROPOUT)
    batch = step.prefixes.batch(step.chosen)
    expected = step.encoder.represent(batch.ids, batch.lengths)
    torch.testing.assert_close(step.inputs.representation, expected)
    torch.testing.assert_close(step.inputs.views["dropout"], expected)
    assert torch.equal(step.inputs.targets, batch.targets)


def test_the_semantic_view_is_another_history_with_the_same_target():
    step = Step("ce+0.1*contrast", *NO_DROPOUT)
    everything = step.prefixes.batch(torch.arange(len(step.prefixes)))
    representations = step.encoder.represent(everything.ids, everything.lengths)
    distances, histories = torch.cdist(step.inputs.views["semantic"], representations).min(1)
    assert (distances < 1e-4).all()
    targets = everything.targets[step.chosen]
    assert torch.equal(everything.targets[histories], targets)
    group_sizes = [int((everything.targets == target).sum()) for target in targets]
    for anchor, semantic, size in zip(step.chosen.tolist(), histories.tolist(), group_sizes, strict=True):
        assert (anchor == semantic) is (size == 1)
    assert {1} < set(group_sizes)  # both cases are there


def test_the_total_is_the_weighted_sum_of_the_terms():
    step = Step("0.5*ce+0.1*contrast+2*spectral")
    weights = torch.tensor([0.5, 0.1, 2.0])
    assert [term.name for term in step.objective.terms] == ["ce", "contrast", "spectral"]
    torch.testing.assert_close(step.total.detach(), step.values @ weights)
    assert (step.values > 0).all()


def test_the_values_do_not_depend_on_the_weights():
    one, other = Step("ce+0.1*contrast"), Step("3*ce+7*contrast")
    torch.testing.assert_close(one.values, other.values)
    torch.testing.assert_close(other.total.detach(), other.values @ torch.tensor([3.0, 7.0]))


def test_the_first_term_is_cross_entropy_of_the_representation():
    step = Step("ce+0.1*contrast", *NO_DROPOUT)
    batch = step.prefixes.batch(step.chosen)
    scores = step.encoder.represent(batch.ids, batch.lengths) @ step.encoder.item_table().T
    torch.testing.assert_close(step.values[0], torch.nn.functional.cross_entropy(scores, batch.targets).detach())


def test_without_dropout_the_dropout_view_is_the_anchor():
    assert Step("ce+spectral", "spectral.pairs=un", *NO_DROPOUT).values[1] == pytest.approx(0, abs=1e-5)
    assert Step("ce+spectral", "spectral.pairs=un").values[1] > 0.1


def test_the_values_carry_no_graph_and_the_total_does():
    step = Step("ce+0.1*contrast+0.1*spectral")
    assert not step.values.requires_grad
    step.total.backward()
    for name, parameter in step.encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_positions_of_every_view_are_given_to_a_term_that_reads_them():
    step = Step("ce+spectral", "spectral.axis=time", "spectral.pairs=un", *NO_DROPOUT)
    assert step.objective.views == {"dropout", "positions"}
    assert step.values[1] == pytest.approx(0, abs=1e-5)


def test_a_seed_fixes_the_step():
    steps = [Step("ce+0.1*contrast+0.1*spectral", seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(steps[0].values, steps[1].values)
    assert not torch.equal(steps[0].values, steps[2].values)
