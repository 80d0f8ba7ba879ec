import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from core.machine.malloc import trim

pytestmark = pytest.mark.slow


def resident():
    """Bytes of memory of this process that no file backs."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("RssAnon:")[1].split()[0]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps what was freed")
def test_holes_between_what_is_kept_are_given_back():
    blocks = [b"x" * 100_000 for _ in range(2000)]  # small enough for the heap
    kept = blocks[::50]
    del blocks
    before = resident()
    trim()
    assert resident() < before - 100e6
    assert len(kept) == 40


KERNELS = """
from training.pretraining.allocator import keep_memory_steady
keep_memory_steady()
import torch
for _ in range(2):
    for rows in (*range(1, 301), 300):  # as many sizes as masks ask for
        torch.nn.functional.gelu(torch.zeros(rows, 64))
"""


PAGES = """
from pathlib import Path
from training.pretraining.allocator import keep_memory_steady
keep_memory_steady()
import torch

def resident():
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split("RssAnon:")[1].split()[0]) * 1024

torch.zeros(600_000).add(1)  # glibc takes the size of what is freed for usual
before = resident()
large = []
small = []
for _ in range(100):
    large.append(torch.ones(500_000))
    small.append(torch.ones(100))
print(resident() - before)
del large
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps what was freed")
def test_large_tensors_leave_no_holes():
    done = subprocess.run(
        [sys.executable, "-c", PAGES], capture_output=True, text=True, check=True, timeout=60
    )
    with_them, without = map(int, done.stdout.split())
    assert with_them > 150e6
    assert without < 20e6


def test_kernels_of_sizes_long_past_are_forgotten():
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this build of torch has no oneDNN")
    done = subprocess.run(
        [sys.executable, "-c", KERNELS],
        env=os.environ | {"ONEDNN_VERBOSE": "profile"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    made = [line for line in done.stdout.splitlines() if ",create:" in line]
    if not made:
        pytest.skip("this processor's GELU is not oneDNN's")
    # The same size at once again is remembered; none of the first round is in the second.
    assert sum("cache_hit" in line for line in made) == 2
    assert sum("cache_miss" in line for line in made) == 600
