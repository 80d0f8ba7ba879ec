import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.pretraining.memory import give_back_memory


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
    give_back_memory()
    assert resident() < before - 100e6
    assert len(kept) == 40


KERNELS = """
from training.pretraining.memory import keep_few_kernels
keep_few_kernels()
import torch
for _ in range(2):
    for rows in (*range(1, 301), 300):  # as many sizes as masks ask for
        torch.nn.functional.gelu(torch.zeros(rows, 64))
"""


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
