import numpy as np
import pytest

from calibration.session.feedback import Feedback
from core.feed.segments import Segmenter


@pytest.mark.slow
def test_it_shows_the_newest_window_and_nothing_from_a_broken_one(
    fitted, imagery_recording, tmp_path
):
    recording = imagery_recording(seed=9)
    feed = Segmenter(recording.labels, ("microvolts",) * len(recording.labels), recording.rate)
    feedback = Feedback(fitted["riemann"], feed, tmp_path)
    stamps = np.arange(3000) / recording.rate
    feedback.write(feed.push(recording.samples_uv[:900], stamps[:900]))
    assert feedback() is None
    feedback.write(feed.push(recording.samples_uv[900:1100], stamps[900:1100]))
    assert sum(feedback().values()) == pytest.approx(1.0)
    # A hundred are lost.
    feedback.write(feed.push(recording.samples_uv[1200:1300], stamps[1200:1300]))
    assert feedback() is None
