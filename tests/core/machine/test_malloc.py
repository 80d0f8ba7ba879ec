"""What a long-running program's threads leave behind."""

import subprocess
import sys

import pytest

HEAPS = """
import ctypes, sys, threading
from core.machine.malloc import limit_arenas
limit_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
together = threading.Barrier(12)
heaps = []

def hold():
    together.wait()  # threads that run at the same time would have a heap each
    place = libc.malloc(1000)
    together.wait()
    heaps.append(place >> 26)

threads = [threading.Thread(target=hold) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(heaps), len(set(heaps)))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only glibc gives each thread a heap")
def test_threads_share_two_heaps():
    done = subprocess.run(
        [sys.executable, "-c", HEAPS], capture_output=True, text=True, check=True, timeout=60
    )
    threads, heaps = map(int, done.stdout.split())
    assert threads == 12
    assert heaps <= 2
