"""Names that are free, things to wait for, and senders in processes of their own."""

import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

from core.recordings import Event, Recording


@pytest.fixture
def name():
    """A stream name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def until():
    """Wait for a condition; fail if it does not come."""

    def wait(condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, "what was awaited did not happen"
            time.sleep(0.005)
        return result

    return wait


@pytest.fixture
def background():
    """Run functions in threads that are stopped and joined at the end of the test."""
    started = []

    def start(function, *arguments, **settings):
        stop = threading.Event()
        thread = threading.Thread(target=function, args=arguments, kwargs=settings | {"stop": stop})
        started.append((thread, stop))
        thread.start()
        return thread

    yield start
    for _, stop in started:
        stop.set()
    for thread, _ in started:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def program():
    """Start ``eegpt-stream`` in a process of its own, ended with the test."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "core.stream.cli", *map(str, arguments)],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def make_recording():
    """Make a short recording whose every sample can be told from every other."""

    def make(samples=100, rate=250.0, labels=("C3", "CZ", "C4"), events=(), breaks=(), seed=0):
        values = np.random.default_rng(seed).normal(0, 20, (samples, len(labels)))
        return Recording(
            samples_uv=values.astype(np.float32),
            rate=rate,
            labels=tuple(labels),
            events=tuple(Event(onset, 0.0, label) for onset, label in events),
            breaks=tuple(breaks),
            path=Path(f"recording-{seed}.edf"),
            sha256=f"{seed:064x}",
        )

    return make
