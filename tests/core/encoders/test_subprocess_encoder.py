"""The encoder in a process of its own: the same tokens, and nothing left behind."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest

from core.encoders import load_encoder, subprocess_encoder
from core.errors import InputError

pytestmark = pytest.mark.slow

NAMES = ["C3", "CZ", "C4", "FZ", "OZ"]


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("untrained")


@pytest.fixture
def begin(encoder):
    """Begin a stream whose encoder has a process of its own; other tests may have left some."""

    def start(hop):
        before = set(multiprocessing.active_children())
        stream = encoder.stream(NAMES, hop, in_subprocess=True)
        (child,) = set(multiprocessing.active_children()) - before
        return stream, psutil.Process(child.pid)

    return start


def test_tokens_are_the_same_to_the_last_digit_and_the_process_ends(encoder, begin, rng):
    here = encoder.stream(NAMES, 16)
    there, child = begin(16)
    windows = 0
    for piece in np.split(rng.normal(0, 0.03, (len(NAMES), 1280)).astype(np.float32), 80, axis=1):
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


def test_a_process_that_was_killed_is_said(begin, rng):
    stream, child = begin(64)
    child.kill()
    with pytest.raises(InputError, match="process has ended"):
        stream.push(rng.normal(0, 0.03, (len(NAMES), 64)))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_hangs_is_said_and_ended(begin, monkeypatch):
    stream, child = begin(64)
    stream.prepare()
    child.suspend()
    monkeypatch.setattr(subprocess_encoder, "_TIMEOUT", 0.1)
    with pytest.raises(InputError, match="has not answered"):
        stream.push(np.zeros((len(NAMES), 64)))
    assert not child.is_running()
    with pytest.raises(InputError, match="has not answered"):  # rather than a late answer
        stream.push(np.zeros((len(NAMES), 64)))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_process_that_is_still_starting_ends_with_its_stream(begin):
    stream, child = begin(64)
    child.suspend()
    del stream
    gc.collect()
    assert not child.is_running()


PROGRAM = """
import multiprocessing
import numpy as np
from core.encoders import load_encoder
if __name__ == "__main__":
    names = ["C3", "CZ", "C4", "FZ", "OZ"]
    stream = load_encoder("untrained").stream(names, 64, in_subprocess=True)
    stream.push(np.zeros((5, 64)))
    print(multiprocessing.active_children()[0].pid, flush=True)
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
    child = psutil.Process(int(program.stdout.readline()))
    child.send_signal(signal.SIGINT)  # as a terminal sends it to both
    child.send_signal(signal.SIGHUP)
    program.send_signal(number)
    program.communicate(timeout=30)
    child.wait(10)
