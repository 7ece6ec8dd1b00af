"""Memory that a step frees stays with the process, by glibc's own account of its blocks."""

import platform
import subprocess
import sys

import pytest

# mallinfo2(3): hblks counts the blocks that were mapped on their own, fordblks the bytes of the heap that are free.
ACCOUNT = """
import ctypes, sys
import torch
from fearec_cli.kernels.allocator import keep_freed_memory

NAMES = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
Account = type("Account", (ctypes.Structure,), {"_fields_": [(name, ctypes.c_size_t) for name in NAMES.split()]})
account = ctypes.CDLL(None).mallinfo2
account.restype = Account

if sys.argv[1] == "kept":
    keep_freed_memory()
before = account()
block = torch.empty(24 * 2**20, dtype=torch.uint8)
held = account()
del block
freed = account()
print(held.hblks - before.hblks, freed.fordblks - before.fordblks >> 20)
"""


def blocks_mapped_and_mebibytes_kept(way: str) -> list[int]:
    command = [sys.executable, "-c", ACCOUNT, way]
    return [int(word) for word in subprocess.run(command, check=True, capture_output=True).stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
def test_a_freed_block_stays_in_the_heap():
    mapped, kept = blocks_mapped_and_mebibytes_kept("kept")
    assert mapped == 0
    assert kept >= 23

    mapped, kept = blocks_mapped_and_mebibytes_kept("given back")
    assert mapped == 1
    assert kept < 1
