import numpy as np
import pytest

from calibration.session.feedback import Feedback
from core.stream.discovery import StreamFacts, StreamIdentity


def test_it_shows_the_newest_window_and_nothing_from_a_broken_one(
    fitted, imagery_recording, tmp_path
):
    recording = imagery_recording(seed=9)
    count = len(recording.labels)
    facts = StreamFacts(
        identity=StreamIdentity("EEG", "EEG", "amp", "here", "uid"),
        rate=recording.rate,
        labels=recording.labels,
        units=("microvolts",) * count,
        types=("EEG",) * count,
        channel_count=count,
        format="float32",
        warnings=(),
    )
    feedback = Feedback(fitted["riemann"], facts, tmp_path)
    stamps = np.arange(3000) / recording.rate
    feedback.write(recording.samples_uv[:900], stamps[:900])
    assert feedback() is None
    feedback.write(recording.samples_uv[900:1100], stamps[900:1100])
    assert sum(feedback().values()) == pytest.approx(1.0)
    feedback.write(recording.samples_uv[1200:1300], stamps[1200:1300])  # a hundred are lost
    assert feedback() is None
