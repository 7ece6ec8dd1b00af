"""Memory that a step frees is there for the next one."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from fearec_cli.allocator import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(8):
    torch.empty(64 * 2**20, dtype=torch.uint8).fill_(1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    torch.empty(64 * 2**20, dtype=torch.uint8).fill_(1)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_pages_of_a_freed_block_are_not_fetched_again():
    fetched = {
        way: int(subprocess.run([sys.executable, "-c", FAULTS, way], check=True, capture_output=True).stdout)
        for way in ("kept", "given back")
    }
    assert fetched["given back"] > 200 * 2**20
    assert fetched["kept"] < fetched["given back"] / 2  # a block may be laid elsewhere once
