"""Threads of the node allocate from one heap, counted in a process of its own by glibc's malloc_info."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

if not hasattr(ctypes.CDLL(None), "malloc_info"):
    pytest.skip("the C library is not glibc", allow_module_level=True)

COUNT_HEAPS = """
import ctypes, sys, tempfile, threading
{first}
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fdopen.restype = ctypes.c_void_p
together = threading.Barrier(4)
def allocate():
    together.wait()
    assert libc.malloc(50_000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
with tempfile.TemporaryFile() as file:
    stream = ctypes.c_void_p(libc.fdopen(file.fileno(), b"w"))
    libc.malloc_info(0, stream)
    libc.fflush(stream)
    file.seek(0)
    print(file.read().count(b"<heap nr="))
"""


def heaps(first: str) -> int:
    command = [sys.executable, "-c", COUNT_HEAPS.format(first=first)]
    return int(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)


def test_threads_share_one_heap() -> None:
    assert heaps("") > 1
    assert heaps("from geoflow_ros.localize.__main__ import share_one_heap; share_one_heap()") == 1
