"""How much memory is available and used; running out of it becomes an error of one line."""

import gc
import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fearec_cli.errors import TrainingError

# torch's CPU allocator and the libraries under it raise plain RuntimeErrors.
_SIGNS = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "alloc_failed",
    "out of memory",
    "could not create a primitive",  # oneDNN, whose kernel found no room
)

# Limit and use of the control group, versions 2 and 1.
_GROUP = Path("/sys/fs/cgroup")
_GROUPS = (
    (_GROUP / "memory.max", _GROUP / "memory.current"),
    (_GROUP / "memory/memory.limit_in_bytes", _GROUP / "memory/memory.usage_in_bytes"),
)


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether this is what torch, Python or a library in Rust raises where the memory does not suffice.

    (Linux may also end the process by a signal before anything is raised: then nothing can be reported.)
    """
    if isinstance(error, MemoryError):
        return True
    raised_by_library = isinstance(error, RuntimeError) or not isinstance(error, Exception)  # a panic is no Exception
    return raised_by_library and any(sign in str(error).lower() for sign in _SIGNS)


@contextmanager
def explaining_out_of_memory(message: Callable[[], str]) -> Iterator[None]:
    """Raise what `message` says where the block runs out of memory.

    Raises:
        TrainingError: it did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        raise TrainingError(message()) from error


def free_memory() -> None:
    """Give back what is no longer in use."""
    import torch  # here, so that commands without torch can also report that memory has run out

    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> int:
    """The process's largest resident size so far, in bytes."""
    # Linux counts KiB, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_memory() -> int:
    """The process's resident size now, in bytes; the largest so far where the system does not tell."""
    try:
        return _pages(1)
    except OSError:
        return peak_memory()


def available_memory() -> int:
    """Bytes that this process may still take: what the machine has free (half of all where it does not tell), and no
    more than its control group and its own limit of addresses leave it."""
    bounds = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    with suppress(OSError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        bounds = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")] or bounds
    for limit, used in _GROUPS:
        with suppress(OSError, ValueError):  # there is no such group, or its limit is "max"
            bounds.append(int(limit.read_text()) - int(used.read_text()))
    addresses, _ = resource.getrlimit(resource.RLIMIT_AS)
    if addresses != resource.RLIM_INFINITY:
        with suppress(OSError):
            bounds.append(addresses - _pages(0))
    return max(0, min(bounds))


def _pages(field: int) -> int:
    """A field of Linux's account of the process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[field]) * os.sysconf("SC_PAGE_SIZE")
