"""Files of an earlier release still load, and decode as they did then.

`benchmarks/compare_release.py --fixtures` wrote them with the packages of commit c488668.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from calibration.checking import check
from core.decoding.storage.decoder_file import load_decoder
from core.recordings import read_recording
from realtime.cli import main

RELEASE = Path(__file__).parent / "data" / "release"
HEADER = RELEASE / "recording/sub-01/eeg/sub-01_task-imagery_run-01_eeg.vhdr"
DECODER = RELEASE / "decoder.safetensors"


def lines(log):
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_a_recording_of_the_release_is_read_as_then():
    recording = read_recording(HEADER)
    then = json.loads((RELEASE / "recording.json").read_text(encoding="utf-8"))
    written = np.fromfile(HEADER.with_suffix(".eeg"), "<f4").reshape(-1, len(then["labels"]))
    np.testing.assert_array_equal(recording.samples_uv, written)
    assert recording.rate == 250.0
    assert list(recording.labels) == then["labels"]
    assert list(recording.breaks) == then["breaks"] == [2500]
    assert [[e.onset, e.duration, e.label] for e in recording.events] == then["events"]


@pytest.mark.slow
def test_a_data_set_of_the_release_passes_its_check(tmp_path):
    copy = shutil.copytree(RELEASE / "recording", tmp_path / "recording")
    assert [f for f in check(copy) if f.kind in ("broken", "error")] == []


@pytest.mark.slow
def test_a_decoder_of_the_release_decides_as_then(tmp_path):
    log = tmp_path / "log.jsonl"
    given = ["--file", str(HEADER), "--decoder", str(DECODER), "--home", str(tmp_path)]
    assert main([*given, "--log", str(log)]) == 0
    then, now = lines(RELEASE / "decisions.jsonl"), lines(log)
    assert len(now) == len(then) == 78
    assert {line["status"] for line in then} == {"warming", "gap", "ok"}
    for before, after in zip(then, now, strict=True):
        for key in ("index", "time", "sample", "status", "decision"):
            assert after[key] == before[key]
        if before["probabilities"] is None:
            assert after["probabilities"] is None
        else:
            assert after["probabilities"] == pytest.approx(before["probabilities"], abs=1e-9)


def test_a_decoder_of_the_release_says_what_it_was_fitted_on():
    decoder = load_decoder(DECODER)
    assert decoder.classes == ("left_hand", "right_hand")
    assert decoder.facts.head == "riemann"
    assert decoder.facts.trials == 30
    assert decoder.window == 1024
