"""A machine that is too slow: old decisions are dropped and counted, the newest is not late."""

import json
import threading
import time
from functools import partial

import numpy as np
import pylsl
import pytest

from core.decoding.window_decoder import WindowDecoder
from core.stream import reconnecting_feed
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from core.stream.stream_feed import Overrides
from realtime.decoder_choice import connect
from realtime.engine.engine import Decoding, Engine
from realtime.engine.outputs import Outputs
from realtime.engine.sinks import Log
from realtime.options import Options

pytestmark = pytest.mark.slow

RATE = 250.0


class HeldWindows:
    """Windows of a decoder that stand still while a test holds them."""

    def __init__(self, windows):
        self.hop = windows.hop
        self.held = threading.Event()
        self.go = threading.Event()
        self.prepared = threading.Event()
        self.pushed = 0
        self._windows = windows

    def __getattr__(self, name):
        return getattr(self._windows, name)

    def prepare(self):
        self._windows.prepare()
        self.prepared.wait(60.0)

    def push(self, samples):
        while self.held.is_set() and not self.go.wait(0.01):
            pass
        self.pushed += 1
        return self._windows.push(samples)


@pytest.fixture
def slow(fitted, imagery_recording, tmp_path, monkeypatch):
    """An engine on a stream that the test sends second by second, and its windows."""
    # A busy machine may hold the sending up too, and no silence is looked for here.
    monkeypatch.setattr(reconnecting_feed, "_SILENT_AFTER", 30.0)
    decoder, recording = fitted["riemann"], imagery_recording(seed=9)
    outlet = SignalOutlet("Slow", "EEG", recording.labels, "microvolts", RATE, "amp")
    inlet = Inlet(find_stream(StreamQuery(name="Slow"), 10.0))
    windows = HeldWindows(WindowDecoder(decoder, None))
    log = tmp_path / "slow.jsonl"
    engine = Engine(
        inlet,
        Overrides(),
        partial(connect, decoder),
        Decoding(decoder, windows),
        Options().evidence(),
        Outputs([Log(log)]),
    )
    engine.start()
    sent = 0
    start = pylsl.local_clock()

    def send(seconds):
        """Send what a live sender would have sent by now, and more at once if it is behind."""
        nonlocal sent
        for _ in range(round(seconds * 25)):
            due = start + (sent + 10) / RATE
            time.sleep(max(0.0, due - pylsl.local_clock()))
            rows = np.arange(sent, sent + 10)
            outlet.push(recording.samples_uv[rows % len(recording.samples_uv)], start + rows / RATE)
            sent += 10

    def lines():
        return [json.loads(line) for line in log.read_text().splitlines()]

    yield engine, inlet, windows, send, lines
    windows.held.clear()
    windows.prepared.set()
    engine.stop()
    assert engine.error is None
    outlet.close()


def test_late_decisions_are_dropped_from_the_oldest_and_counted(slow, until):
    engine, inlet, windows, send, lines = slow
    windows.prepared.set()
    send(4.5)
    until(lambda: windows.pushed >= 17)
    windows.held.set()
    send(1.8)  # less than the patience: nothing is lost
    windows.held.clear()
    send(0.5)
    until(lambda: windows.pushed >= 26)
    until(lambda: len(lines()) + engine.snapshot().stream.dropped_decisions >= 26)
    found, dropped = lines(), engine.snapshot().stream.dropped_decisions
    assert dropped >= 1
    assert inlet.dropped_samples == 0
    until(lambda: f"dropped ({dropped} so far)" in " ".join(engine.snapshot().warnings))
    # Every decision was made; those not given are the ones that had waited longest.
    made = set(range(found[-1]["index"] + 1))
    missing = sorted(made - {line["index"] for line in found})
    assert len(missing) == dropped
    assert missing == list(range(missing[0], missing[0] + dropped))
    assert all(line["status"] == "ok" for line in found if line["index"] > missing[-1])
    samples = [line["sample"] for line in found]
    assert samples == sorted(samples)
    assert all((line["sample"] + 1) // windows.hop == line["index"] + 1 for line in found)


def test_what_waits_too_long_is_dropped_and_refused_as_a_gap(slow, until):
    engine, inlet, windows, send, lines = slow
    windows.prepared.set()
    send(4.5)
    until(lambda: windows.pushed >= 17)
    windows.held.set()
    send(3.5)
    windows.held.clear()
    send(1.5)
    until(lambda: inlet.dropped_samples > 0)
    until(lambda: lines()[-1]["status"] == "gap")
    assert engine.snapshot().stream.lost_samples == inlet.dropped_samples
    words = f"too slow: {inlet.dropped_samples} samples"
    until(lambda: words in " ".join(engine.snapshot().warnings))
    send(4.5)
    until(lambda: lines()[-1]["status"] == "ok")


def test_what_comes_before_the_encoder_is_ready_is_neither_late_nor_lost(slow, until):
    engine, _, windows, send, lines = slow
    send(12.0)  # more than an inlet keeps
    windows.prepared.set()
    until(lines)
    send(1.0)
    until(lambda: lines()[-1]["index"] >= 19)
    found, stream = lines(), engine.snapshot().stream
    assert engine.snapshot().decoder is engine.snapshot().decoder  # whose facts are read once
    assert [line["index"] for line in found] == list(range(len(found)))
    assert [line["status"] for line in found[16:]] == ["ok"] * (len(found) - 16)
    assert stream.dropped_decisions == stream.lost_samples == 0
    assert not any("too slow" in warning for warning in engine.snapshot().warnings)
