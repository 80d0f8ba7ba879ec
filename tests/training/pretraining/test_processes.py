import sys
from pathlib import Path

import pytest

from training.pretraining.processes import give_back_memory


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
