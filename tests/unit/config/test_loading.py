"""A configuration from its layers, and back to TOML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fearec_cli.components.registry import load_components
from fearec_cli.config import RECOMMENDED_PRESET, ModelConfig, RunConfig, load_recipe, preset_names, read_recipe
from fearec_cli.errors import ConfigError


def load(*assignments: str, preset: str = "fearec", **layers) -> RunConfig:
    return load_recipe(load_components(), preset=preset, assignments=assignments, **layers).config


def problems(*assignments: str, **layers) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(*assignments, **layers)
    return caught.value.problems


@pytest.fixture
def toml(tmp_path):
    def write(text):
        file = tmp_path / "run.toml"
        file.write_text(text)
        return file

    return write


def test_the_default_is_the_recommended_preset_and_says_what_to_expect():
    recipe = load_recipe(load_components())
    assert recipe.preset == RECOMMENDED_PRESET
    assert recipe.config == load(preset=RECOMMENDED_PRESET)
    assert recipe.expectation.startswith("the recommended one")


@pytest.mark.parametrize(
    "chosen", [{"attention": "ramp+autocorr"}, {"filter": "none"}, {"fusion": "mix"}, {"loss": "ce"}]
)
def test_who_chooses_a_component_starts_from_the_published_model(chosen, toml):
    recipe = load_recipe(load_components(), flags=chosen)
    assert recipe.preset == "fearec"
    assert recipe.config == load(flags=chosen)
    ((name, value),) = chosen.items()
    assert load_recipe(load_components(), file=toml(f'{name} = "{value}"')).config == recipe.config


def test_what_a_preset_expects_of_itself_is_not_said_of_other_components():
    def expectation(**layers):
        return load_recipe(load_components(), preset="fearec", **layers).expectation

    assert "slow" in expectation()
    assert expectation(flags={"training.seed": 1, "model.dim": 8}) == expectation()
    assert expectation(flags={"loss": "ce"}) == ""
    assert expectation(assignments=["contrast.similarity=cos"]) == ""


def test_the_preset_fearec_is_the_released_model():
    config = load()
    assert (config.attention, config.filter, config.fusion) == ("ramp+autocorr", "window", "mix")
    assert config.loss == "ce+0.1*contrast+0.1*spectral"
    assert config.model == ModelConfig()
    assert config.components["window"].alpha == 0.6
    assert config.components["mix"].gamma == 0.1
    assert set(config.components) == {"ramp", "autocorr", "window", "mix", "ce", "contrast", "spectral"}


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_can_be_loaded(preset):
    assert set(load(preset=preset).components) >= {"ce"}


def test_each_layer_overrules_the_one_below(toml):
    file = toml("[model]\ndim = 32\ninner = 20\nlayers = 3\n[window]\nalpha = 0.7\n")
    preset_only = load()
    assert (preset_only.model.dim, preset_only.components["window"].alpha) == (64, 0.6)
    with_file = load(file=file)
    assert (with_file.model.dim, with_file.model.inner, with_file.components["window"].alpha) == (32, 20, 0.7)
    flags = {"model.dim": 16, "model.layers": 4, "window.alpha": 0.8}
    with_flags = load(file=file, flags=flags)
    assert (with_flags.model.dim, with_flags.model.inner, with_flags.components["window"].alpha) == (16, 20, 0.8)
    with_set = load("model.dim=8", "window.alpha=0.9", file=file, flags=flags)
    assert (with_set.model.dim, with_set.model.layers, with_set.components["window"].alpha) == (8, 4, 0.9)


def test_a_later_assignment_overrules_an_earlier_one():
    assert load("model.dim=8", "model.dim=16").model.dim == 16


def test_a_flag_that_was_not_given_overrules_nothing():
    assert load(flags={"attention": None, "training.seed": None}) == load()


def test_loading_twice_gives_the_same():
    """No layer may write into the preset."""
    load("model.dim=8", "window.alpha=0.9")
    assert load().model.dim == 64


def test_settings_of_both_sections_can_be_assigned():
    config = load("model.padding=left", "training.learning_rate=1e-4", 'training.metric="HR@5"')
    assert config.model.padding == "left"
    assert config.training.learning_rate == 1e-4
    assert config.training.metric == "HR@5"


def test_every_problem_is_reported_at_once(toml):
    file = toml("[training]\nbatch_size = 0\n[nonsense]\nx = 1\n")
    found = problems(
        "model.dim=-1",
        "window.alpha=2.0",
        "window.width=3",
        "no assignment",
        file=file,
        flags={"fusion": "mixx", "loss": "ce+0*contrast"},
    )
    for part in ("training.batch_size", "nonsense", "model.dim", "window.alpha", "window.width", "no assignment"):
        assert any(part in problem for problem in found), part
    assert any("'mixx'" in problem and "did you mean" in problem for problem in found)
    assert any("'contrast'" in problem and "not a positive number" in problem for problem in found)


def test_options_of_a_component_that_is_not_in_the_model_are_refused():
    (problem,) = problems("autocorr.top_k=2.0", flags={"attention": "dot"})
    assert "'autocorr' is not a component of this model" in problem


def test_options_of_a_preset_go_with_the_component_that_the_user_replaced():
    config = load(flags={"attention": "dot", "filter": "none", "loss": "ce"})
    assert set(config.components) == {"dot", "none", "mix", "ce"}
    assert "autocorr" not in config.to_toml()


def test_a_misspelt_section_is_refused():
    (problem,) = problems("modle.dim=8")
    assert "modle" in problem
    assert "did you mean 'model'?" in problem


def test_an_unknown_preset_lists_the_known_ones():
    (problem,) = problems(preset="sasreec")
    assert "'sasreec'" in problem
    assert "did you mean 'sasrec'" in problem
    (problem,) = problems(preset="zzz")
    assert all(name in problem for name in preset_names())


def test_heads_must_divide_the_hidden_units():
    (problem,) = problems("model.heads=3")
    assert problem == "model.heads: 3 heads do not divide model.dim = 64"


@pytest.mark.parametrize("key", ["attention", "filter", "fusion", "loss"])
def test_a_choice_must_be_text(key):
    assert any(f"{key} must be a text, not 3" in problem for problem in problems(flags={key: 3}))


@pytest.mark.parametrize("section", ["model", "window"])
def test_a_section_must_be_a_table(section):
    assert problems(flags={section: 3}) == (f"{section} must be a table of options, not 3",)


def test_a_component_of_another_kind_is_refused():
    (problem,) = problems(flags={"filter": "dot"})
    assert "'dot' is an attention, not a filter" in problem


@pytest.mark.parametrize("value", ["1.5", "eight", "[8]"])
def test_a_value_of_another_type_is_refused(value):
    (problem,) = problems(f"model.dim={value}")
    assert problem.startswith("model.dim: must be a whole number")


def test_a_file_that_is_no_toml_is_named_with_the_place(toml):
    (problem,) = problems(file=toml("[model]\ndim = = 3\n"))
    assert "run.toml" in problem
    assert "line 2" in problem


def test_a_file_that_is_no_text_is_named(tmp_path):
    file = tmp_path / "run.toml"
    file.write_bytes(b"\xff\xfe\x00")
    assert "is not TOML" in problems(file=file)[0]


def test_a_missing_file_is_named(tmp_path):
    (problem,) = problems(file=tmp_path / "absent.toml")
    assert "absent.toml: cannot be read" in problem


@pytest.mark.parametrize("preset", preset_names())
def test_toml_brings_a_preset_back(preset):
    config = load(preset=preset)
    assert read_recipe(load_components(), config.to_toml()).config == config


@given(
    alpha=st.floats(0.001, 1),
    top_k=st.floats(0.01, 100),
    gamma=st.floats(0, 1),
    learned=st.booleans(),
    rate=st.floats(1e-12, 10),
    seed=st.integers(0, 2**63 - 1),
    dropout=st.floats(0, 0.99),
    heads=st.sampled_from([1, 2, 4]),
    delays=st.sampled_from(["sequence", "batch"]),
    weight=st.floats(1e-6, 1e6),
    filter_name=st.sampled_from(["window", "none"]),
)
def test_toml_brings_any_configuration_back(
    alpha, top_k, gamma, learned, rate, seed, dropout, heads, delays, weight, filter_name
):
    config = load(
        f"autocorr.top_k={top_k!r}",
        f"autocorr.delays={delays}",
        f"mix.gamma={gamma!r}",
        f"mix.learned={str(learned).lower()}",
        f"training.learning_rate={rate!r}",
        f"training.seed={seed}",
        f"model.hidden_dropout={dropout!r}",
        f"model.heads={heads}",
        *([f"window.alpha={alpha!r}"] if filter_name == "window" else []),
        flags={"loss": f"ce+{weight!r}*contrast", "filter": filter_name},
    )
    assert config.components["autocorr"].top_k == top_k
    assert config.training.seed == seed
    assert read_recipe(load_components(), config.to_toml()).config == config


def test_toml_of_a_lost_component_names_it():
    text = load().to_toml().replace("ramp+autocorr", "ramp+wavelet")
    with pytest.raises(ConfigError, match="wavelet"):
        read_recipe(load_components(), text)


def test_a_configuration_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load().model.dim = 8


@pytest.mark.parametrize(
    ("assignment", "same"),
    [
        ("training.epochs=3", True),
        ("training.max_steps=3", True),
        ("training.time_limit=3", True),
        ("training.patience=3", True),
        ("training.seed=3", False),
        ("training.batch_size=3", False),
        ("window.alpha=0.7", False),
    ],
)
def test_the_identity_leaves_out_only_when_to_stop(assignment, same):
    assert (load(assignment).identity() == load().identity()) is same


@pytest.mark.parametrize(
    ("assignments", "problem"),
    [
        (
            ["training.schedule=cosine", "training.warmup_steps=500", "training.schedule_steps=100"],
            "training.schedule_steps: the cosine needs more steps than .* = 500, not 100",
        ),
        (
            ["training.schedule=cosine", "training.warmup_steps=9", "training.schedule_steps=9"],
            "training.schedule_steps: the cosine needs more steps than training.warmup_steps = 9, not 9",
        ),
        (["training.schedule_steps=9"], "training.schedule_steps: belongs to training.schedule = cosine"),
        (
            ["training.accumulate=9", "training.batch_size=8"],
            "training.accumulate: 9 micro-batches are more than the prefixes of a step, training.batch_size = 8",
        ),
        (["training.ema=1"], r"training.ema: .*allowed: >= 0, < 1"),
        (["training.gradient_clip=-1"], r"training.gradient_clip: .*allowed: >= 0"),
    ],
)
def test_settings_of_the_loop_that_contradict_one_another(assignments: list[str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        load(*assignments)
    assert len(caught.value.problems) == 1


def test_when_to_stop_and_when_to_save_is_no_part_of_a_runs_identity() -> None:
    def identity(*assignments: str) -> str:
        return load(*assignments).identity()

    free = ("epochs=3", "max_steps=7", "time_limit=1", "patience=2", "save_minutes=0")
    assert identity(*(f"training.{text}" for text in free)) == identity()
    cosine = ("training.schedule=cosine", "training.schedule_steps=7")
    assert identity(*cosine) != identity()
    assert identity(*cosine) != identity(cosine[0], "training.schedule_steps=8")
    assert identity("training.ema=0.9") != identity()
