"""The space of a search: what it reads, and what leaves the declared bounds."""

import pytest

from fearec_cli.config import Recipe
from fearec_cli.errors import ConfigError
from fearec_cli.tuning.space import Choices, Range, read_space, values_of
from support import tiny


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return tiny.recipe(preset="fearec")


def test_ranges_and_choices(recipe: Recipe) -> None:
    texts = ["training.learning_rate=1e-4..1e-2:log, model.layers=1..4", "model.dim=8|16", "window.alpha=0.1..1"]
    assert read_space(texts, recipe) == [
        Range("training.learning_rate", 1e-4, 1e-2, log=True, whole=False),
        Range("model.layers", 1, 4, log=False, whole=True),
        Choices("model.dim", (8, 16)),
        Range("window.alpha", 0.1, 1.0, log=False, whole=False),
    ]
    (choice,) = read_space(["training.schedule=constant|cosine"], recipe)
    assert choice == Choices("training.schedule", ("constant", "cosine"))
    assert values_of(recipe, ["training.schedule", "model.dim"]) == {"training.schedule": "constant", "model.dim": 8}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("window.alpha=0.1..2", r"--search window\.alpha: must be less than or equal to 1, not 2\.0 \(allowed: "),
        ("training.learning_rate=0..1e-2", r"training\.learning_rate: must be greater than 0, not 0"),
        ("training.learning_rate=1e-4..11", "must be less than or equal to 10"),
        ("model.dim=8|0", r"model\.dim: must be greater than or equal to 1, not 0"),
        ("training.schedule=constant|linear", r"training\.schedule: must be 'constant' or 'cosine'"),
        ("training.schedule=1..2", "is not a number; give its choices"),
        ("model.dim=8..64.5", "takes whole numbers"),
        ("model.dim=64..8", "64 is not below 8"),
        ("model.hidden_dropout=0..0.5:log", "a logarithmic range begins above 0, not at 0"),
        ("model.dim=8", "give a range LOW..HIGH, or two choices or more"),
        ("model.dim=8|8", "each once"),
        ("model.dim=16|32", r"does not hold 8, the value of the first trial; .* --set model\.dim=VALUE"),
        ("training.learning_rate=1e-5..1e-4", r"does not hold 0\.001, the value of the first trial"),
        ("model.dmi=8|16", r"model\.dmi: there is no such option; did you mean 'dim'"),
        ("slide.alpha=0.1..1", "'slide' is not a component or section of this model"),
        ("training.seed=1|2|42", "says what is judged or where; trials that differ in it do not compare"),
        ("training.metric=NDCG@10|HR@10", "says what is judged or where"),
        ("learning_rate", "write NAME.OPTION=LOW..HIGH"),
        ("model.dim=8|16,model.dim=8..16", r"model\.dim: appears twice"),
        (" , ", "name an option"),
        ("model.dim=[8]|[16]", "a choice is a number, a text, true or false"),
    ],
)
def test_what_leaves_the_bounds_is_refused(recipe: Recipe, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        read_space([text], recipe)


def test_every_problem_at_once(recipe: Recipe) -> None:
    with pytest.raises(ConfigError) as refused:
        read_space(["window.alpha=0.1..2,model.dim=8", "training.seed=1|2"], recipe)
    assert len(refused.value.problems) == 3
