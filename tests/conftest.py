"""Settings of the whole suite: shape checks in every call, one thread, one Hypothesis profile."""

import os

import torch
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

# Packages whose annotations are real at run time. They are imported only after the hook stands, so every
# shape and type in their signatures is checked in every test. `fearec_cli.api` imports for type checkers
# alone and stays outside.
SHAPE_CHECKED = (
    "fearec_cli.data.batches",
    "fearec_cli.devices",
    "fearec_cli.evaluation",
    "fearec_cli.model",
    "fearec_cli.kernels",
    "fearec_cli.nn",
    "fearec_cli.runs",
    "fearec_cli.system.processes",
    "fearec_cli.training",
    "fearec_plugins",
)

install_import_hook(SHAPE_CHECKED, "beartype.beartype")

torch.set_num_threads(1)

settings.register_profile(
    "fearec",
    deadline=None,
    max_examples=30,
    derandomize=bool(os.environ.get("CI")),
    # The first call of a shape-checked function compiles its checks.
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fearec")
