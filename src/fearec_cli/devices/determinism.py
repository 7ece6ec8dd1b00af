"""The same seed, the same result: which a GPU gives only on request."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fearec_cli.components.violations import NOT_DETERMINISTIC
from fearec_cli.errors import TrainingError


def compute_deterministically(wanted: bool) -> None:
    """Let torch choose algorithms that give the same bits every time, or leave it free; before CUDA starts.

    On the CPU, with one number of threads, this is so either way.
    """
    if wanted:
        # cuBLAS sums in an order of the moment unless its workspace is of a fixed size (its documentation, "Results
        # reproducibility"); it reads this once.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if wanted != torch.are_deterministic_algorithms_enabled():  # telling it anything imports torch's compiler
        torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.deterministic = wanted
    if wanted:
        torch.backends.cudnn.benchmark = False


@contextmanager
def explaining_nondeterminism() -> Iterator[None]:
    """Name the operation of which torch has no deterministic version.

    Raises:
        TrainingError: the block met one.
    """
    try:
        yield
    except RuntimeError as error:
        operation, found, _ = str(error).partition(NOT_DETERMINISTIC)
        if not found:
            raise
        raise TrainingError(
            f"training.deterministic: torch has no deterministic {operation.strip()} on this device; choose another "
            "part of the model, or train without it"
        ) from error
