"""A sender whose rate is not the one it announces is said to be so, with the measured rate."""

import threading

import numpy as np
import pylsl
import pytest

from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from realtime.app import build_engine
from realtime.options import Options


@pytest.mark.slow
def test_a_rate_off_by_a_hundredth_is_named(fitted, imagery_recording, until):
    recording = imagery_recording(seed=9)
    outlet = SignalOutlet("Fast", "EEG", recording.labels, "microvolts", 250.0, "amp")
    stop = threading.Event()

    def send():
        start, at = pylsl.local_clock(), 0
        while not stop.wait(0.02):
            due = int((pylsl.local_clock() - start) * 252.5)
            rows = np.arange(at, due)
            samples = recording.samples_uv[rows % len(recording.samples_uv)]
            outlet.push(samples, start + rows / 252.5)
            at = due

    sender = threading.Thread(target=send)
    sender.start()
    inlet = Inlet(find_stream(StreamQuery(name="Fast"), 10.0))
    engine = build_engine(Options(stream="Fast"), inlet, fitted["riemann"])
    engine.start()
    try:
        said = until(lambda: " ".join(engine.snapshot().warnings), 40)
        assert "says 250 Hz and sends 252." in said
        assert "1.0 % off" in said
        assert engine.snapshot().stream.lost_samples == 0
    finally:
        engine.stop()
        stop.set()
        sender.join()
