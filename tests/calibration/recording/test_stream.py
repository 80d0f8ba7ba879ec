"""A replayed recording, recorded from LSL, is that recording."""

import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder
from core.recordings import Event, Recording, read_recording
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet, MarkerInlet
from simulation.player import replay


@pytest.mark.slow
def test_what_is_sent_over_lsl_is_what_is_in_the_file(tmp_path, until, give):
    name = f"test-{uuid.uuid4().hex[:12]}"
    values = np.random.default_rng(3).normal(0, 20, (1500, 3)).astype(np.float32)
    onsets = {0.4: "left_hand", 2.0: "right_hand", 3.996: "feet", 5.9: "rest"}
    sent = Recording(
        samples_uv=values,
        rate=250.0,
        labels=("C3", "CZ", "C4"),
        events=tuple(Event(onset, 0.0, label) for onset, label in onsets.items()),
        breaks=(500, 1000),
        path=Path("sent.edf"),
        sha256="0" * 64,
    )
    thread = threading.Thread(target=replay, args=([sent], name), kwargs={"speed": 5.0})
    thread.start()
    query, markers = StreamQuery(stream=name), StreamQuery(stream=f"{name}-Markers")
    run = next_run(tmp_path, "01")
    with (
        # The sender waits for a receiver of the signal only.
        MarkerInlet(find_stream(markers, markers=True)) as cues,
        Inlet(find_stream(query)) as inlet,
        Recorder(run, inlet.facts) as recorder,
    ):

        def pass_on():
            ended = inlet.lost and cues.lost  # before the last read, so that it misses nothing
            for cue in cues.read():
                recorder.event(cue.text, None, cue.time, 0.0)
            if block := inlet.read(0.05):
                give(recorder, block.samples, block.stamps)
            return ended and recorder.samples_written == len(values)

        until(pass_on)
    thread.join()
    assert recorder.error is None
    found = read_recording(run.file("eeg.vhdr"))
    np.testing.assert_array_equal(found.samples_uv, sent.samples_uv)
    assert (found.rate, found.labels, found.breaks) == (250.0, sent.labels, sent.breaks)
    placed = {round(event.onset * 250): event.label for event in found.events}
    assert placed == {round(onset * 250): label for onset, label in onsets.items()}
