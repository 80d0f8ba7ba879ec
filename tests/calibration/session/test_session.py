"""A whole session against a simulated subject who follows its cues, ten times as fast."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import mne
import numpy as np
import pytest

from calibration.checking import check
from calibration.classes import cue_events
from calibration.cli import main
from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from calibration.paradigm.plan import plan_from_json
from calibration.priors import starting_head
from calibration.recording.bids import BidsRun
from core.decoding.storage.decoder_file import load_decoder
from core.recordings import read_recording
from core.stream.outlets import SignalOutlet
from simulation.synthetic import LABELS

pytestmark = pytest.mark.slow

SPEED = 10.0
FRAME = 1 / 60.0  # s of a screen
RATE = 250.0  # Hz


def start(module, *arguments, home):
    environment = {**os.environ, "EEGPT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def calibrate(home, *arguments, name):
    return start(
        "calibration.cli",
        *("--stream", name, "--subject", "01", "--no-setup", "--leave", "--windowed"),
        *("--speed", SPEED, "--timeout", 30, *arguments),
        home=home,
    )


class Simulator:
    """A simulated subject in a process of its own, and its diary."""

    def __init__(self, folder, name, *more):
        self.diary = folder / f"{name}.jsonl"
        self.process = start(
            "simulation.cli",
            *("simulate", "--name", name, "--markers", "EEGPT-Markers"),
            *("--speed", SPEED, "--record", self.diary, *more),
            home=folder,
        )

    def stop(self):
        self.process.terminate()
        self.process.communicate(timeout=30)

    def facts(self):
        return [json.loads(line) for line in self.diary.read_text().splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="module")
def session(folder):
    """A finished session: its run, what it printed, and the simulator's diary."""
    simulator = Simulator(folder, "Whole")
    try:
        process = calibrate(folder, "--trials-per-class", 8, "--seed", 7, name="Whole")
        said, complained = process.communicate(timeout=110)
    finally:
        simulator.stop()
    assert process.returncode == 0, complained
    return BidsRun(folder / "recordings", "01", "", 1), said, simulator.facts()


def test_the_data_set_is_valid_and_mne_opens_it(session):
    run, _, _ = session
    assert [f for f in check(run.root) if f.kind in ("error", "broken")] == []
    raw = mne.io.read_raw_brainvision(run.file("eeg.vhdr"), verbose="ERROR")
    assert raw.ch_names == list(LABELS)
    assert raw.info["sfreq"] == RATE
    assert {"Stimulus/left_hand", "Stimulus/right_hand"} <= set(raw.annotations.description)


def test_every_sample_that_was_sent_is_recorded(session):
    run, _, facts = session
    stamps = np.fromfile(run.source("stamps.f64"), "<f8")
    sent = (stamps - facts[0]["start"]) * RATE
    # One after another, from the first that was received to the last.
    np.testing.assert_allclose(np.diff(sent), 1.0, atol=1e-3)
    recording = read_recording(run.file("eeg.vhdr"))
    assert len(recording.samples_uv) == len(stamps)
    assert recording.breaks == ()
    # The end of the last trial, and the signal of a second after it, are there.
    last = [event for event in recording.events if event.label == "trial_end"][-1]
    assert last.onset < recording.duration


def test_every_event_is_where_the_simulator_saw_it(session):
    run, _, facts = session
    seen = [(f["marker"], f["time"]) for f in facts if "marker" in f]
    first = np.fromfile(run.source("stamps.f64"), "<f8", count=1)[0]
    recording = read_recording(run.file("eeg.vhdr"))
    recorded = [(event.label, first + event.onset) for event in recording.events]
    # The first event may come before the first sample. MNE puts events of one moment in an order
    # of its own.
    expected = sorted((n, t) for n, t in seen if n != "experiment_start")
    found = sorted((n, t) for n, t in recorded if n != "experiment_start")
    assert [name for name, _ in found] == [name for name, _ in expected]
    off = np.array([a - b for (_, a), (_, b) in zip(found, expected, strict=True)])
    assert np.abs(off).max() <= FRAME + 1 / RATE


def test_the_plan_was_carried_out(session):
    run, _, _ = session
    plan = plan_from_json(run.source("plan.json").read_text(encoding="utf-8"), "plan")
    recording = read_recording(run.file("eeg.vhdr"))
    cues = [e.label for e in recording.events if e.label in ("left_hand", "right_hand")]
    assert cues == [trial.label for trial in plan.trials]
    assert plan.seed == 7


def test_the_decoder_is_the_one_that_the_files_give(session, folder):
    run, said, _ = session
    (path,) = (folder / "decoders").glob("*.safetensors")
    saved = load_decoder(path)
    recording = read_recording(run.file("eeg.vhdr"))
    events = cue_events([recording])
    prior = starting_head((), recording.labels, events, FitSettings())
    again = fit_decoder([recording], events, "01", prior=prior).decoder
    assert saved.facts.fit["prior"]["trials"] > 600
    assert saved.facts.scores == again.facts.scores
    assert saved.facts.head == again.facts.head
    np.testing.assert_array_equal(saved.head.weights, again.head.weights)
    np.testing.assert_array_equal(saved.head.bias, again.head.bias)
    assert saved.head.temperature == again.head.temperature
    for one, other in zip(saved.tangents, again.tangents, strict=True):
        np.testing.assert_array_equal(one.whitener, other.whitener)
    assert str(path) in said


def test_the_reports_are_written(session, folder):
    (page,) = (folder / "decoders").glob("*.html")
    assert "<svg" in page.read_text(encoding="utf-8") or "<img" in page.read_text(encoding="utf-8")
    assert "chance, 95 % bound" in page.with_suffix(".txt").read_text(encoding="utf-8")


def test_what_a_kill_left_is_resumed_as_a_new_run(tmp_path, capsys):
    root = tmp_path / "recordings"
    run = BidsRun(root, "01", "", 1)
    simulator = Simulator(tmp_path, "Killed")
    try:
        process = calibrate(tmp_path, "--trials-per-class", 6, "--seed", 3, name="Killed")
        # Until five trials are over.
        _wait_until(lambda: _ended(run) >= 5, process)
        process.kill()
        process.communicate()
        before = {path: path.read_bytes() for path in root.rglob("*_eeg.eeg")}
        done = _ended(run)
        resumed = start(
            "calibration.cli",
            *("resume", "--stream", "Killed", "--subject", "01", "--no-setup", "--leave"),
            *("--windowed", "--speed", SPEED, "--timeout", 30),
            home=tmp_path,
        )
        said, complained = resumed.communicate(timeout=100)
    finally:
        simulator.stop()
    assert resumed.returncode == 0, complained
    assert f"left {12 - done} trials" in said
    second = BidsRun(root, "01", "", 2)
    plan = plan_from_json(second.source("plan.json").read_text(encoding="utf-8"), "plan")
    assert [trial.number for trial in plan.trials] == list(range(done + 1, 13))
    for path, content in before.items():
        assert (
            path.read_bytes()[: len(content) // 128 * 128] == content[: len(content) // 128 * 128]
        )
    (path,) = (tmp_path / "decoders").glob("*.safetensors")
    assert set(load_decoder(path).facts.recordings) == {
        run.file("eeg.vhdr").name,
        second.file("eeg.vhdr").name,
    }
    assert [f for f in check(root) if f.kind in ("error", "broken")] == []


def _wait_until(condition, process, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            pytest.fail(process.communicate()[1])


def _ended(run):
    path = run.file("events.tsv")
    return path.read_text().count("\ttrial_end\t") if path.is_file() else 0


def refused(capsys, *arguments):
    code = main([*map(str, arguments)])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith("eegpt-calibrate: ")
    assert "Traceback" not in captured.err
    return captured.err


def test_a_label_that_is_none_is_refused(capsys, tmp_path):
    said = refused(capsys, "--subject", "../x", "--no-setup", "--data", tmp_path)
    assert "letters and digits" in said
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_there_is_refused(capsys, session):
    run, _, _ = session
    before = {path: path.read_bytes() for path in run.root.rglob("*") if path.is_file()}
    said = refused(
        capsys, "--subject", "01", "--run", 1, "--no-setup", "--data", run.root, "--timeout", 1
    )
    assert "Run 1 of sub-01 exists already" in said
    assert before == {path: path.read_bytes() for path in run.root.rglob("*") if path.is_file()}


def test_no_stream_is_refused(capsys, tmp_path):
    said = refused(
        capsys,
        *("--stream", "Nobody", "--subject", "01", "--no-setup"),
        *("--data", tmp_path / "x", "--timeout", 1),
    )
    assert "Nobody" in said
    assert not (tmp_path / "x").exists()


def test_a_misspelt_key_of_a_paradigm_is_refused(capsys, tmp_path):
    path = Path(tmp_path, "paradigm.yaml")
    path.write_text("trials_per_clas: 5\n")
    said = refused(capsys, "--subject", "01", "--no-setup", "--paradigm", path)
    assert "trials_per_class" in said


def test_nothing_to_resume_is_said(capsys, tmp_path):
    said = refused(capsys, "resume", "--subject", "01", "--no-setup", "--data", tmp_path)
    assert "no run of subject 01 to resume" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--channels", "C3,CZ,C4,FP1"), "It is back with 4 channels instead of 32."),
        (("--rate", "200"), "It is back with 200 Hz instead of 250 Hz."),
    ],
)
def test_a_stream_that_comes_back_otherwise_ends_the_run_with_all_kept(tmp_path, change, said):
    run = BidsRun(tmp_path / "recordings", "01", "", 1)
    first = Simulator(tmp_path, "Changed")
    second = None
    try:
        process = calibrate(tmp_path, "--trials-per-class", 6, "--seed", 3, name="Changed")
        _wait_until(lambda: _ended(run) >= 1, process)
        (tmp_path / "Changed.jsonl").unlink()
        second = Simulator(tmp_path, "Changed", *change)
        _wait_until((tmp_path / "Changed.jsonl").exists, process)
        first.process.kill()
        first.process.communicate()
        _, complained = process.communicate(timeout=60)
    finally:
        for simulator in (first, second):
            if simulator is not None and simulator.process.poll() is None:
                simulator.stop()
    assert process.returncode == 2
    assert complained.splitlines()[-1].startswith("eegpt-calibrate: Stream lost")
    assert 'The stream "Changed" ended or was lost.' in complained
    assert said in complained
    assert "resume" in complained
    assert [f for f in check(run.root) if f.kind in ("error", "broken")] == []
    assert _ended(run) >= 1


def test_a_folder_that_cannot_be_one_is_refused(capsys, tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    said = refused(capsys, "--subject", "01", "--no-setup", "--data", file, "--timeout", 1)
    assert "is a file" in said
    assert file.read_text() == "not a folder"


def test_two_streams_of_one_name_are_told_apart(capsys, tmp_path):
    outlets = [
        SignalOutlet("Twice", "EEG", ["C3", "C4"], "microvolts", 250.0, f"source-{i}")
        for i in range(2)
    ]
    said = refused(
        capsys,
        *("--stream", "Twice", "--subject", "01", "--no-setup"),
        *("--data", tmp_path / "x", "--timeout", 20),
    )
    assert "source-0" in said
    assert "source-1" in said
    assert not (tmp_path / "x").exists()
    for outlet in outlets:
        outlet.close()
