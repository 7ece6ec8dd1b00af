"""Every preset trains, and so does any combination of first-party parts that is not refused."""

import itertools

import pytest
import torch

from fearec_cli.components.registry import load_components
from fearec_cli.config import Recipe, load_recipe, preset_names
from fearec_cli.data.batches import InteractionTable
from fearec_cli.errors import ConfigError
from fearec_cli.evaluation.evaluate import evaluate
from fearec_cli.model.build import build_encoder
from fearec_cli.runs.checkpoint import describe, load_checkpoint, save_checkpoint
from fearec_cli.training.objective import Objective
from support import tiny

# Several users have the same items, so that there are other histories with the same next item.
DATA = [[user, user + 6, 1, 2, 3, 4, 5] for user in range(1, 7)]
PUBLISHED = {
    "bsarec",
    "duorec",
    "fearec",
    "fearec-authors",
    "fearec-survey",
    "fmlp-rec",
    "sasrec",
    "slime4rec",
    "tv-rec",
    "wearec",
}
OURS = {"fearec-causal", "sasrec-causal", "sasrec-causal-large"}


def names(kind):
    return [entry.name for entry in load_components().of_kind(kind) if entry.package == "fearec"]


ATTENTIONS = [*names("attention"), *map("+".join, itertools.combinations(names("attention"), 2))]
# How many branches each head joins.
JOINS = {"mix": {1, 2}, "residual": {1}, "gate": {2}, "concat": {2, 3}, "norm-mix": {2}}


def test_the_published_models_are_there():
    assert set(preset_names()) == PUBLISHED | OURS


@pytest.mark.parametrize("preset", sorted(PUBLISHED | OURS))
def test_a_preset_has_the_sizes_of_the_field_and_builds(preset):
    config = load_recipe(load_components(), preset=preset).config
    model, width = config.model, 128 if preset.endswith("-large") else 64
    assert (model.dim, model.layers, model.inner, model.max_length) == (width, 2, 4 * width, 50)
    build_encoder(Recipe.of(config, load_components()), n_items=20)


@pytest.mark.parametrize("preset", sorted(PUBLISHED | OURS))
def test_a_preset_trains_a_step_and_its_checkpoint_evaluates_the_same(preset, tmp_path):
    config = tiny.config(preset=preset)
    registry = load_components()
    torch.manual_seed(0)
    encoder = build_encoder(Recipe.of(config, registry), n_items=12).train()
    objective = Objective(Recipe.of(config, registry))
    prefixes = tiny.training_prefixes(DATA, config.model.max_length, config.model.padding)
    optimizer = torch.optim.Adam(encoder.parameters(), lr=0.01)
    before = {name: parameter.detach().clone() for name, parameter in encoder.named_parameters()}
    loss, values = objective(encoder, prefixes, torch.arange(12), torch.Generator().manual_seed(0))
    loss.backward()
    optimizer.step()
    assert values.isfinite().all()
    assert [name for name, parameter in encoder.named_parameters() if torch.equal(parameter, before[name])] == []

    info = describe(
        Recipe.of(config, registry), dataset="tiny", fingerprint="", split=tiny.LEAVE_ONE_OUT, step=1, metrics={}
    )
    save_checkpoint(tmp_path / "one.safetensors", encoder.eval(), [f"i{item}" for item in range(1, 13)], info)
    loaded = load_checkpoint(tmp_path / "one.safetensors", torch.device("cpu"))
    assert loaded.recipe.config == config
    prepared = tiny.prepared(DATA)
    table = InteractionTable.load(prepared, torch.device("cpu"))
    found = [evaluate(model, table, prepared.split.test) for model in (encoder, loaded.encoder)]
    for protocol in ("unmasked", "seen-masked"):
        assert found[0].ranks[protocol].tolist() == found[1].ranks[protocol].tolist()
        assert found[0].ranks[protocol].shape == (6,)


@pytest.mark.slow
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_any_combination_learns_or_is_refused_in_a_line(attention):
    branches = attention.count("+") + 1
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    for filter_name, fusion in itertools.product(names("filter"), names("fusion")):
        config = tiny.config(preset="sasrec", attention=attention, filter=filter_name, fusion=fusion)
        if branches not in JOINS[fusion]:
            with pytest.raises(ConfigError, match=rf"^fusion: {fusion} .*, not {branches}") as refused:
                build_encoder(Recipe.of(config, load_components()), 20)
            assert len(refused.value.problems) == 1
            continue
        torch.manual_seed(0)
        encoder = build_encoder(Recipe.of(config, load_components()), 20)
        (encoder.represent(ids, lengths) @ encoder.item_table().T).square().mean().backward()
        for name, parameter in encoder.named_parameters():
            if attention == "dot" and ".filter." in name:
                assert parameter.grad is None  # no branch filters anything
                continue
            # A bias is constant along time, and the first window lets no constant through.
            filtered = "ramp" in attention.split("+") and set(attention.split("+")) <= {"ramp", "identity"}
            if filtered and (filter_name, name) == ("window", "layers.0.project.bias"):
                # The fused way leaves the bias out; by the equations what is left of it is rounding.
                assert parameter.grad is None or parameter.grad.abs().max() < 1e-9
                continue
            assert parameter.grad.isfinite().all(), (filter_name, fusion, name)
            assert parameter.grad.any(), (filter_name, fusion, name)


@pytest.mark.parametrize(
    ("assignments", "parts", "message"),
    [
        ((), {"attention": "dot", "fusion": "gate"}, "fusion: gate joins two branches, not 1"),
        ((), {"attention": "dot+identity+ramp", "fusion": "mix"}, "fusion: mix joins one or two branches, not 3"),
        (("model.max_length=4",), {"filter": "slide", "model.layers": 4}, "slide: layer"),
        (("model.max_length=4", "window.alpha=0.1"), {"filter": "window", "model.layers": 8}, "window: layer"),
        (("band-gate.cutoff=7",), {"filter": "band-gate"}, "band-gate.cutoff: 7"),
        (("band-rescale.cutoff=7",), {"filter": "band-rescale"}, "band-rescale.cutoff: 7"),
        (
            ("learnable-ramp.shape=exponential", "learnable-ramp.floor=0.0"),
            {"filter": "learnable-ramp"},
            "learnable-ramp.floor: ",
        ),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_line_that_names_the_option(assignments, parts, message):
    config = tiny.config(*assignments, preset="sasrec", **parts)
    with pytest.raises(ConfigError) as refused:
        build_encoder(Recipe.of(config, load_components()), 20)
    (problem,) = refused.value.problems
    assert problem.startswith(message)
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("assignment", "problem"), [("model.max_length=1", "model.max_length"), ("model.heads=3", "model.heads")]
)
def test_what_no_part_could_work_with_is_refused_before_anything_is_built(assignment, problem):
    with pytest.raises(ConfigError) as refused:
        tiny.config(assignment)
    assert refused.value.problems[0].startswith(problem)
