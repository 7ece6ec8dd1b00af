"""How much memory there is, and what counts as running out of it."""

import os
import resource
from pathlib import Path

import pytest
import torch

from fearec_cli.errors import TrainingError
from fearec_cli.system import memory
from fearec_cli.system.memory import (
    available_memory,
    explaining_out_of_memory,
    peak_memory,
    ran_out_of_memory,
    resident_memory,
)

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
def test_what_is_reported(error: Exception) -> None:
    assert ran_out_of_memory(error)
    with pytest.raises(TrainingError, match=r"^lower it$"), explaining_out_of_memory(lambda: "lower it"):
        raise error


@pytest.mark.parametrize("error", [RuntimeError("shapes do not match"), ValueError("out of memory"), OSError()])
def test_what_passes(error: Exception) -> None:
    assert not ran_out_of_memory(error)
    with pytest.raises(type(error)) as caught, explaining_out_of_memory(lambda: "lower it"):
        raise error
    assert caught.value is error


def test_torch_says_so_itself() -> None:
    with pytest.raises(TrainingError), explaining_out_of_memory(lambda: "lower it"):
        torch.empty(1 << 60)


def test_the_memory_of_this_process() -> None:
    block = torch.ones(1 << 25)  # 128 MiB
    assert min(peak_memory(), resident_memory()) > block.nbytes
    assert 0 < available_memory() < 1 << 50


def test_a_limit_of_addresses_bounds_what_is_available() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + (64 << 20), hard))
    try:
        assert available_memory() <= 64 << 20
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def test_the_limit_of_a_control_group_bounds_what_is_available(tmp_path: Path, monkeypatch) -> None:
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(memory, "_GROUPS", [(limit, used)])
    free = available_memory()
    limit.write_text("max\n")
    used.write_text("1000\n")
    assert available_memory() > 0.5 * free
    limit.write_text("5000\n")
    assert available_memory() == 4000
