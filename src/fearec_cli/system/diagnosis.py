"""What this machine and this environment are, as findings: packages, devices, memory, threads, writable places."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

import torch
from packaging.requirements import Requirement

from fearec_cli.system.memory import available_memory

_GIB = 2**30
# Less free disk than this is a problem: a checkpoint of a large catalogue takes hundreds of MB, and a run keeps four.
_LEAST_FREE = _GIB
_NVIDIA_DEVICE = Path("/dev/nvidiactl")


@dataclass(frozen=True)
class Finding:
    """One fact, and what is wrong with it.

    Attributes:
        section: heading that it is listed under.
        name: of the fact.
        value: for a reader.
        problem: what is wrong and what to do about it; empty if nothing is.
    """

    section: str
    name: str
    value: str
    problem: str = ""


def packages(name: str = "fearec") -> Iterator[Finding]:
    """Python, a package, and the packages that it needs, each checked against the version that it asks for."""
    least = metadata(name)["Requires-Python"] or ""
    yield Finding("versions", "python", f"{platform.python_version()} ({sys.executable}), needs {least}")
    yield Finding("versions", name, version(name))
    for text in sorted(requires(name) or [], key=str.lower):
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            problem = f"not installed; `pip install '{requirement}'`"
            yield Finding("versions", requirement.name, "none", problem)
            continue
        fits = requirement.specifier.contains(found, prereleases=True)
        problem = "" if fits else f"version {found} does not satisfy {requirement}; `pip install '{requirement}'`"
        yield Finding("versions", requirement.name, found, problem)


def devices() -> Iterator[Finding]:
    """The processor and the GPUs, as torch sees them."""
    yield Finding("devices", "cpu", f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            size = f"{properties.total_memory / _GIB:.1f} GiB"
            yield Finding("devices", f"cuda:{index}", f"{properties.name}, {size}, CUDA {torch.version.cuda}")
        return
    problem = ""
    if _NVIDIA_DEVICE.exists():
        built = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is a build without CUDA"
        problem = f"an NVIDIA driver is loaded, but torch {torch.__version__} {built} and finds no GPU; see pytorch.org"
    yield Finding("devices", "cuda", "none", problem)


def memory() -> Iterator[Finding]:
    """What the machine has, and what this process may still take of it."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    left = available_memory()
    problem = "less than 1 GiB is available; end other programs, or raise the limit" if left < _GIB else ""
    yield Finding("memory", "total", f"{total / _GIB:.1f} GiB")
    yield Finding("memory", "available", f"{left / _GIB:.1f} GiB", problem)


def threads() -> Iterator[Finding]:
    """Threads of torch, and the cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    used = torch.get_num_threads()
    variable = os.environ.get("OMP_NUM_THREADS")
    problem = ""
    if used > cores:
        problem = f"{used} threads share {cores} cores and slow each other down; set OMP_NUM_THREADS={cores}"
    source = f" (OMP_NUM_THREADS={variable})" if variable is not None else ""
    yield Finding("threads", "torch", f"{used} of {cores} cores{source}", problem)


def writable(section: str, name: str, directory: Path) -> Finding:
    """A directory, or the nearest one that exists above it: whether files can be made there, and the room for them."""
    nearest = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    problem = ""
    if not nearest.is_dir():
        problem = f"{nearest} is not a directory; remove it or work in another directory"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        problem = f"no permission to write in {nearest}"
    elif (free := shutil.disk_usage(nearest).free) < _LEAST_FREE:
        problem = f"only {free / 2**20:,.0f} MiB are free on its disk"
    room = f"{shutil.disk_usage(nearest).free / _GIB:,.1f} GiB free"
    return Finding(
        section,
        name,
        f"{directory} ({'made at first use, ' if nearest != directory.absolute() else ''}{room})",
        problem,
    )
