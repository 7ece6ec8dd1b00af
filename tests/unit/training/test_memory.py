"""What counts as running out of memory."""

import pytest
import torch

from fearec_cli.errors import TrainingError
from fearec_cli.training.memory import out_of_memory_told, ran_out_of_memory

CPU = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        RuntimeError(CPU),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        RuntimeError("std::bad_alloc"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: out of memory"),
    ],
    ids=repr,
)
def test_what_is_told(error: Exception) -> None:
    assert ran_out_of_memory(error)
    with pytest.raises(TrainingError, match=r"^lower it$"), out_of_memory_told(lambda: "lower it"):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("out of memory"), OSError()])
def test_what_passes(error: Exception) -> None:
    assert not ran_out_of_memory(error)
    with pytest.raises(type(error)) as caught, out_of_memory_told(lambda: "lower it"):
        raise error
    assert caught.value is error


def test_torch_says_so_itself() -> None:
    with pytest.raises(TrainingError), out_of_memory_told(lambda: "lower it"):
        torch.empty(1 << 60)
