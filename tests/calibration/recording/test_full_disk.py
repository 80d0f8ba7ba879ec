"""How much room is left is known, and a disk that is full costs nothing that was written."""

import json
import os
import shutil
import subprocess
import sys
import threading

import pytest

from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder


@pytest.mark.slow
def test_free_space_is_asked_for_in_the_thread_that_syncs(tmp_path, make_facts, monkeypatch, until):
    answers = iter(range(1000, 0, -1))
    askers = set()

    def ask(folder):
        askers.add(threading.current_thread().name)
        return next(answers)

    monkeypatch.setattr("calibration.recording.recorder.bytes_free", ask)
    with Recorder(next_run(tmp_path, "01"), make_facts()) as recorder:
        assert recorder.free_bytes <= 1000
        askers.clear()
        until(lambda: recorder.free_bytes < 999)
        assert askers == {"sync"}


FULL_DISK = """
import json, sys
from pathlib import Path
import numpy as np
from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder
from core.feed.segments import Segmenter
from core.stream.description import StreamFacts, StreamIdentity

labels = tuple(f"E{n}" for n in range(64))
identity = StreamIdentity("Amp", "EEG", "amp-1", "lab", "u1")
facts = StreamFacts(identity, 250.0, labels, ("uV",) * 64, ("EEG",) * 64, 64, "float32", ())
run = next_run(Path(sys.argv[1]), "01")
feed = Segmenter(labels, facts.units, 250.0)
given = 0
with Recorder(run, facts) as recorder:
    while not recorder.failed and given < 100_000:
        if recorder.behind < 1.0:
            rows = given + np.arange(25)
            recorder.write(feed.push(np.outer(rows, np.ones(64)), 100.0 + rows / 250))
            recorder.event("left_hand", 769, 100.0 + given / 250, 0.0)
            given += 25
from core.recordings import read_recording
found = read_recording(run.file("eeg.vhdr"))
samples = found.samples_uv
print(json.dumps({
    "error": recorder.error,
    "written": recorder.samples_written,
    "read": len(samples),
    "right": bool((samples == np.arange(len(samples))[:, None]).all()),
    "stamps": run.source("stamps.f64").stat().st_size / 8,
    "bytes": run.file("eeg.eeg").stat().st_size,
}))
"""


def check_full_disk(out, reason):
    said = json.loads(out.splitlines()[-1])
    assert said["error"].startswith("The recording ended, for it cannot be written any more: ")
    assert reason in said["error"]
    assert said["right"]
    assert said["read"] == said["written"] == said["stamps"] == said["bytes"] / 256 > 0


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on a file's size")
def test_file_that_may_not_grow_ends_the_recording_cleanly(tmp_path):
    import resource

    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_001, 300_001)),
    )
    assert done.returncode == 0, done.stderr
    check_full_disk(done.stdout, "File too large")


@pytest.mark.slow
def test_full_disk_ends_the_recording_cleanly(tmp_path):
    # A small disk of its own, in a namespace that ends with the process.
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=400k tmpfs {tmp_path}"
    if not shutil.which("unshare") or subprocess.run([*inside, mount], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    done = subprocess.run(
        [*inside, f'{mount} && exec "$0" -c "$1" {tmp_path}', sys.executable, FULL_DISK],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    check_full_disk(done.stdout, "No space left on device")
