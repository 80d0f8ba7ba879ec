"""The encoder in a process of its own: the same tokens, and nothing left behind."""

import gc
import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest

from core.model import StreamingEncoder, load_encoder

IDS = [27, 29, 31, 11, 60]


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("untrained")


def child_of(process):
    """Return the process that encodes; a helper of Python's own may stand beside it."""
    found = [p for p in process.children() if "resource_tracker" not in " ".join(p.cmdline())]
    assert len(found) == 1
    return found[0]


def test_tokens_are_the_same_to_the_last_digit_and_the_process_ends(encoder, rng):
    here = StreamingEncoder(encoder, IDS, 16)
    there = StreamingEncoder(encoder, IDS, 16, apart=True)
    child = child_of(psutil.Process())
    windows = 0
    for piece in np.split(rng.normal(0, 0.03, (len(IDS), 1280)).astype(np.float32), 80, axis=1):
        one, other = here.push(piece), there.push(piece)
        assert (one is None) == (other is None)
        if one is not None:
            windows += 1
            assert np.array_equal(one.numpy(), other.numpy())
    assert windows == 17
    assert there.patches_encoded == here.patches_encoded
    del there
    gc.collect()
    child.wait(10)


def test_a_process_that_was_killed_is_said(encoder, rng):
    stream = StreamingEncoder(encoder, IDS, 64, apart=True)
    child_of(psutil.Process()).kill()
    with pytest.raises(RuntimeError, match="process has ended"):
        stream.push(rng.normal(0, 0.03, (len(IDS), 64)))


PROGRAM = """
import sys
import numpy as np
from core.model import StreamingEncoder, load_encoder
if __name__ == "__main__":
    stream = StreamingEncoder(load_encoder("untrained"), [27, 29, 31, 11, 60], 64, apart=True)
    stream.push(np.zeros((5, 64)))
    print("encoding", flush=True)
    while True:
        stream.push(np.zeros((5, 64)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_program_however_that_ends(tmp_path, number):
    (tmp_path / "program.py").write_text(PROGRAM)
    program = subprocess.Popen(
        [sys.executable, tmp_path / "program.py"], stdout=subprocess.PIPE, cwd=os.getcwd()
    )
    assert program.stdout.readline() == b"encoding\n"
    child = child_of(psutil.Process(program.pid))
    child.send_signal(signal.SIGINT)  # as a terminal sends it to both
    program.send_signal(number)
    program.communicate(timeout=30)
    child.wait(10)
