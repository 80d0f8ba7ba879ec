"""A sender whose rate is not the one it announces is said to be so, with the measured rate."""

import json
import threading

import numpy as np
import pylsl
import pytest

from core.stream import reconnecting_feed
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from realtime.app import build_engine
from realtime.options import Options

pytestmark = pytest.mark.slow


@pytest.fixture
def engine_at(fitted, imagery_recording, tmp_path, monkeypatch):
    """Start an engine on a stream that says 250 Hz and sends another rate, and ends with it."""
    # A busy machine may hold the sending up, and no silence is looked for here.
    monkeypatch.setattr(reconnecting_feed, "_SILENT_AFTER", 30.0)
    samples, stop, started = imagery_recording(seed=9).samples_uv, threading.Event(), []

    def send(outlet, rate):
        start, at = pylsl.local_clock(), 0
        while not stop.wait(0.02):
            due = int((pylsl.local_clock() - start) * rate)
            rows = np.arange(at, due)
            outlet.push(samples[rows % len(samples)], start + rows / rate)
            at = due

    def start(rate):
        labels = imagery_recording().labels
        outlet = SignalOutlet("Fast", "EEG", labels, "microvolts", 250.0, "amp")
        inlet = Inlet(find_stream(StreamQuery(name="Fast"), 10.0))
        sender = threading.Thread(target=send, args=(outlet, rate))
        sender.start()
        options = Options(stream="Fast", log=tmp_path / "live.jsonl")
        engine = build_engine(options, inlet, fitted["riemann"])
        started.extend((engine, sender, outlet))
        engine.start()
        return engine

    yield start
    engine, sender, outlet = started
    engine.stop()
    stop.set()
    sender.join()
    outlet.close()


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_rate_off_by_a_hundredth_is_named(engine_at, until):
    engine = engine_at(252.5)
    said = until(lambda: " ".join(engine.snapshot().warnings), 40)
    assert "says 250 Hz and sends 252." in said
    assert "1.0 % off" in said
    stream = engine.snapshot().stream
    assert stream.measured_rate == pytest.approx(252.5, rel=0.005)
    assert stream.lost_samples == 0


def test_nothing_is_decided_at_a_rate_off_by_a_tenth(engine_at, tmp_path, until):
    engine = engine_at(275.0)
    seen = until(lambda: (s := engine.snapshot()).latest and s.latest.status == "rate" and s, 40)
    assert seen.status == "rate"
    assert "says 250 Hz and sends 27" in seen.message
    notes, words = tmp_path / "live.stream.jsonl", "too far off to be used"
    until(lambda: any(n["kind"] == "rate" and words in n["text"] for n in lines_of(notes)))
    engine.stop()
    assert not any(line["probabilities"] for line in lines_of(tmp_path / "live.jsonl"))


def test_a_full_window_waits_until_the_rate_is_known(fitted, imagery_recording, monkeypatch, until):
    monkeypatch.setattr(reconnecting_feed, "_SILENT_AFTER", 30.0)
    recording = imagery_recording(seed=9)
    outlet = SignalOutlet("Full", "EEG", recording.labels, "microvolts", 250.0, "amp")
    inlet = Inlet(find_stream(StreamQuery(name="Full"), 10.0))
    engine = build_engine(Options(stream="Full"), inlet, fitted["riemann"])
    stamps = pylsl.local_clock() - np.arange(1200)[::-1] / 250.0
    outlet.push(recording.samples_uv[:1200], stamps)
    engine.start()
    try:
        until(lambda: (newest := engine.snapshot().latest) and newest.index >= 17)
        seen = engine.snapshot()
        assert (seen.status, seen.message) == (
            "warming",
            "Waiting until the stream's rate is known: less than 3 s.",
        )
        assert seen.latest.status == "warming"
    finally:
        engine.stop()
        outlet.close()
