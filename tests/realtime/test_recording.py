"""What is read live is recorded, with the decisions beside it, and decoding goes on whatever."""

import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
import pylsl
import pytest

from calibration.paradigm.plan import runs_of_session
from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder
from calibration.recording.writing import RunFiles
from core.decoding.storage.decoder_file import save_decoder
from core.feed.segments import Segmenter
from core.recordings import read_recording
from core.stream import reconnecting_feed
from core.stream.description import StreamFacts, StreamIdentity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from realtime.app import build_engine
from realtime.cli import main
from realtime.engine.snapshot import Decision
from realtime.options import Options
from realtime.recording import LiveRecording, next_live_run
from simulation.player import replay

RATE = 250.0


def run_files(root, number, subject="01"):
    return replace(next_live_run(root, subject), number=number)


def recorded(root, number=1, subject="01"):
    return read_recording(run_files(root, number, subject).file("eeg.vhdr"))


def decision(index, time, status="ok", decided="left_hand"):
    return Decision(index, time, index, status, None, decided, 0.0, 0.0)


@pytest.fixture
def facts():
    labels = ("C3", "Cz", "C4")
    identity = StreamIdentity("Amp", "EEG", "amp-1", "lab", "u1")
    return StreamFacts(identity, RATE, labels, ("uV",) * 3, ("EEG",) * 3, 3, "float32", ())


@pytest.fixture
def unhurried(unhurried, monkeypatch):
    """Have nothing called silent either."""
    monkeypatch.setattr(reconnecting_feed, "_SILENT_AFTER", 30.0)


@pytest.fixture
def engine_on(fitted):
    engines = []

    def start(name, folder, **given):
        inlet = Inlet(find_stream(StreamQuery(name=name), 20.0), seconds=60.0)
        options = Options(stream=name, record=folder, **given)
        engines.append(build_engine(options, inlet, fitted["riemann"]))
        engines[-1].start()
        return engines[-1]

    yield start
    for engine in engines:
        engine.stop()
        assert engine.error is None


@pytest.mark.slow
@pytest.mark.usefixtures("unhurried")
def test_the_recording_is_what_was_sent_with_the_changes_of_the_decision(
    imagery_recording, background, engine_on, until, name, tmp_path
):
    sent = imagery_recording(seed=9)
    sent = replace(sent, samples_uv=sent.samples_uv[: int(20 * RATE)], events=())
    background(replay, [sent], name, speed=8.0)
    log = tmp_path / "live.jsonl"
    engine = engine_on(name, tmp_path / "data", log=log)
    until(lambda: (s := engine.snapshot().latest) and s.status == "lost", 60)
    engine.stop()
    found = recorded(tmp_path / "data")
    np.testing.assert_array_equal(found.samples_uv, sent.samples_uv.astype(np.float32))
    assert (found.rate, found.breaks) == (sent.rate, ())
    assert [label.upper() for label in found.labels] == [label.upper() for label in sent.labels]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"left_hand", "right_hand"} <= {line["decision"] for line in lines}
    changes = [next(same) for _, same in groupby(lines, lambda x: (x["status"], x["decision"]))]
    stamps = np.fromfile(run_files(tmp_path / "data", 1).source("stamps.f64"), "<f8")
    assert [(event.label, round(event.onset * RATE)) for event in found.events] == [
        (
            f"decision/{line['decision'] or line['status']}",
            int(np.abs(stamps - line["time"]).argmin()),
        )
        for line in changes
    ]


class Sender:
    """Sends numbered samples in real time until it is stopped; keeps what it sent."""

    def __init__(self, name, recording, extra=()):
        self.labels = (*recording.labels, *extra)
        columns = np.arange(len(self.labels)) % len(recording.labels)
        self._samples = recording.samples_uv[:, columns]
        self.outlet = SignalOutlet(name, "EEG", self.labels, "microvolts", RATE, "amp")
        self.sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        start = pylsl.local_clock()
        while not self._stop.wait(0.02):
            due = int((pylsl.local_clock() - start) * RATE)
            rows = np.arange(self.sent, due)
            if len(rows):
                self.outlet.push(self._samples[rows % len(self._samples)], start + rows / RATE)
                self.sent = due

    def stop(self):
        self._stop.set()
        self._thread.join()
        self.outlet.close()


@pytest.mark.slow
@pytest.mark.usefixtures("unhurried")
def test_a_stream_that_comes_back_goes_on_after_a_break_and_another_one_in_the_next_run(
    imagery_recording, engine_on, until, name, tmp_path, capfd
):
    recording = imagery_recording(seed=9)
    root = tmp_path / "data"
    senders = [Sender(name, recording)]
    try:
        engine = engine_on(name, root)
        for extra in ((), ("EMG1",)):
            uid = engine.snapshot().stream.uid
            until(lambda: (s := engine.snapshot().latest) and s.index > 8, 40)
            senders[-1].stop()
            until(lambda: engine.snapshot().status == "lost", 40)
            senders.append(Sender(name, recording, extra))
            until(lambda uid=uid: engine.snapshot().stream.uid != uid, 40)
            index = engine.snapshot().latest.index
            until(lambda index=index: engine.snapshot().latest.index > index + 8, 40)
    finally:
        for sender in senders:
            sender.stop()
    engine.stop()
    first, second = recorded(root, 1), recorded(root, 2)
    assert len(first.breaks) == 1
    assert not second.breaks
    assert len(run_files(root, 2).file("channels.tsv").read_text().splitlines()) == 1 + len(
        senders[-1].labels
    )
    for found in (first, second):
        for start, stop in pairwise((0, *found.breaks, len(found.samples_uv))):
            part = found.samples_uv[start:stop, : len(recording.labels)]
            sent = np.resize(recording.samples_uv.astype(np.float32), (20_000, part.shape[1]))
            begin = int((sent[:5000] == part[0]).all(axis=1).argmax())
            np.testing.assert_array_equal(part, sent[begin : begin + len(part)])
    assert "decision/lost" in {event.label for event in first.events}
    said = capfd.readouterr().err
    assert "other channels, units or rate: the next run begins" in said
    assert "task-online_run-01_eeg.vhdr" in said
    assert "task-online_run-02_eeg.vhdr" in said


def test_only_changes_of_the_decision_are_events_and_none_is_named_as_a_class(facts, tmp_path):
    recording = LiveRecording(tmp_path, "07", facts)
    feed = Segmenter(facts.labels, facts.units, RATE)
    recording.take(feed.push(np.zeros((1000, 3)), 10.0 + np.arange(1000) / RATE), facts)
    for index, (status, decided) in enumerate(
        [
            ("warming", None),
            ("ok", "left_hand"),
            ("ok", "left_hand"),
            ("ok", None),
            ("gap", None),
            ("ok", "left_hand"),
        ]
    ):
        recording.publish(decision(index, 10.2 + index / 5, status, decided))
    recording.close()
    assert [(e.label, e.onset) for e in recorded(tmp_path, 1, "07").events] == [
        ("decision/warming", pytest.approx(0.2)),
        ("decision/left_hand", pytest.approx(0.4)),
        ("decision/none", pytest.approx(0.8)),
        ("decision/gap", pytest.approx(1.0)),
        ("decision/left_hand", pytest.approx(1.2)),
    ]


def test_a_live_run_is_none_that_a_calibration_is_fitted_on(facts, tmp_path):
    with Recorder(next_run(tmp_path, "01"), facts):
        pass
    LiveRecording(tmp_path, "01", facts).close()
    after = next_run(tmp_path, "01")
    assert after.number == 3
    assert [run.number for run in runs_of_session(after)] == [1]
    assert [run.number for run in runs_of_session(next_live_run(tmp_path, "01"))] == [2]


FULL_DISK = """
import sys, threading
from pathlib import Path
import pylsl
from core.decoding.storage.decoder_file import load_decoder
from core.machine.home import home_folder
from core.recordings import read_recording
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine
from realtime.options import Options

root, name, decoder = Path(sys.argv[1]), sys.argv[2], load_decoder(Path(sys.argv[3]))
engine = build_engine(
    Options(stream=name, record=root), Inlet(find_stream(StreamQuery(name=name), 40.0)), decoder
)
engine.start()
look = threading.Event()
def until(condition):
    for _ in range(6000):
        if condition() or not engine.running:
            return
        look.wait(0.01)
    sys.exit("it did not come true")
until(lambda: any("The recording ended" in words for words in engine.snapshot().warnings))
index = engine.snapshot().latest.index
until(lambda: engine.snapshot().latest.index > index + 8)
engine.stop()
if engine.error is not None:
    raise engine.error
(run,) = root.glob("sub-01/eeg/*.vhdr")
print(len(read_recording(run).samples_uv), engine.snapshot().latest.index - index)
"""


@pytest.mark.slow
def test_a_full_disk_ends_the_recording_and_decoding_goes_on(
    fitted, imagery_recording, background, name, tmp_path
):
    # A small disk of its own, in a namespace that ends with the process.
    disk = tmp_path / "disk"
    disk.mkdir()
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=120k tmpfs {disk}"
    if not shutil.which("unshare") or subprocess.run([*inside, mount], check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    decoder = save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")
    background(replay, [imagery_recording(seed=9)], name, loop=True)
    done = subprocess.run(
        [
            *inside,
            f'{mount} && exec "$0" -c "$1" {disk} {name} {decoder}',
            sys.executable,
            FULL_DISK,
        ],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    samples, more = map(int, done.stdout.split())
    assert samples > 0
    assert more > 8
    said = "cannot be written any more: No space left on device."
    assert said in done.stderr
    assert "Decoding goes on." in done.stderr


def test_what_goes_wrong_is_told_and_nothing_is_raised(facts, tmp_path, until, capsys):
    recording = LiveRecording(tmp_path, "01", facts)
    feed = Segmenter(facts.labels, facts.units, RATE)
    recording.take(feed.push(np.zeros((10, 3)), np.arange(10) / RATE), facts)
    run = run_files(tmp_path, 1)
    until(run.file("eeg.vhdr").exists)
    shutil.rmtree(run.folder)
    said = until(lambda: recording.take([], facts), 40)
    recording.publish(decision(0, 0.0))
    recording.close()
    recording.close()
    assert list(said) == ["recording ended"]
    assert f"{run.folder} has vanished" in said["recording ended"]
    assert said["recording ended"].endswith("Decoding goes on.")
    assert "has vanished" in capsys.readouterr().err


def test_a_next_run_that_cannot_begin_is_told(facts, tmp_path, until):
    recording = LiveRecording(tmp_path, "01", facts)
    other = replace(facts, labels=("C3", "C3", "C4"))
    feed = Segmenter(facts.labels, facts.units, RATE)
    recording.take(feed.push(np.zeros((10, 3)), np.arange(10) / RATE), facts)
    recording.take(feed.push(np.zeros((10, 3)), 1 + np.arange(10) / RATE), other)
    said = until(lambda: recording.take([], other))
    assert "Several channels are named C3" in said["recording ended"]
    recording.close()
    assert len(recorded(tmp_path).samples_uv) == 10


def test_a_disk_that_stalls_between_two_runs_keeps_nobody_waiting(facts, tmp_path, monkeypatch):
    stalled, close = threading.Event(), Recorder.close
    monkeypatch.setattr(Recorder, "close", lambda self: (stalled.wait(20), close(self)))
    monkeypatch.setattr("realtime.recording._WAITING", 5)
    recording = LiveRecording(tmp_path, "01", facts)
    feed = Segmenter(facts.labels, facts.units, RATE)
    recording.take(feed.push(np.zeros((10, 3)), np.arange(10) / RATE), facts)
    other = replace(facts, rate=500.0)
    said = [recording.take([], other) for _ in range(10)]  # with the disk stalled all the while
    assert not stalled.is_set()
    assert "does not answer. Decoding goes on." in said[-1]["recording ended"]
    stalled.set()
    recording.close()
    assert len(recorded(tmp_path).samples_uv) == 10


@pytest.mark.slow
def test_a_disk_that_does_not_keep_up_is_told_and_leaves_a_break(
    facts, tmp_path, until, monkeypatch
):
    stalled, write = threading.Event(), RunFiles.write
    monkeypatch.setattr(
        RunFiles, "write", lambda self, segments: (stalled.wait(20), write(self, segments))
    )
    recording = LiveRecording(tmp_path, "01", facts)
    feed = Segmenter(facts.labels, facts.units, RATE)
    for start, count in ((0, 15_000), (15_000, 250)):
        rows = start + np.arange(count)
        recording.take(feed.push(np.zeros((count, 3)), rows / RATE), facts)
    said = until(lambda: recording.take([], facts))
    assert list(said) == ["recording"]
    assert said["recording"].startswith("The disk does not keep up: 1.0 s of signal")
    stalled.set()
    until(lambda: recording._recorder.behind == 0.0)
    recording.take(feed.push(np.zeros((250, 3)), (15_250 + np.arange(250)) / RATE), facts)
    recording.close()
    found = recorded(tmp_path)
    assert (len(found.samples_uv), found.breaks) == (15_250, (15_000,))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--demo"], "live stream of a person"),
        (["--file", "a.edf"], "live stream of a person"),
        (["--uncalibrated"], "name them with --subject"),
        (["--subject", "a_b"], "no BIDS label"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_a_sentence(more, words, tmp_path, capsys):
    folder = tmp_path / "data"
    assert main(["--headless", "--stream", "No", "--record", str(folder), *more]) == 2
    assert words in capsys.readouterr().err
    assert not folder.exists()


def test_a_folder_that_takes_no_files_is_refused_before_a_stream_is_looked_for(
    fitted, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("realtime.app.find_stream", None)
    decoder = save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")
    arguments = ["--headless", "--stream", "No", "--decoder", str(decoder), "--record"]
    file = tmp_path / "file"
    file.write_text("")
    assert main([*arguments, str(file)]) == 2
    assert "--record needs a folder" in capsys.readouterr().err
    closed = tmp_path / "closed" / "sub-01" / "eeg"
    closed.parent.mkdir(parents=True)
    closed.write_text("of others")
    assert main([*arguments, str(tmp_path / "closed")]) == 2
    assert "is a file; a data set needs a folder" in capsys.readouterr().err
    assert closed.read_text() == "of others"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("name_", ["SIGINT", "SIGTERM"])
def test_a_signal_closes_the_run(
    fitted, imagery_recording, background, until, name, tmp_path, name_
):
    import signal

    background(replay, [imagery_recording(seed=9)], name, loop=True)
    decoder = save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")
    root = tmp_path / "data"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "realtime.cli", "--headless", "--stream", name),
            *("--decoder", decoder, "--timeout", "40", "--record", root, "--subject", "02"),
        ]
    )
    until(run_files(root, 1, "02").file("eeg.vhdr").exists, 60)
    process.send_signal(getattr(signal, name_))
    assert process.wait(60) == 128 + getattr(signal, name_)
    sidecar = json.loads(run_files(root, 1, "02").file("eeg.json").read_bytes())
    assert sidecar["RecordingDuration"] == pytest.approx(recorded(root, 1, "02").duration)
    assert sidecar["TaskName"] == "online"
