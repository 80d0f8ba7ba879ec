"""How samples are counted where one sender takes the place of another."""

import numpy as np
import pytest

from core.decoding.online import OnlineDecoder
from core.decoding.window_decoder import WindowDecoder
from core.feed.segments import Segmenter

HOP = 64


@pytest.mark.parametrize(("away", "lost"), [(2.0, 512), (0.0, 0), (-1.0, 0)])
def test_another_sender_is_counted_from_where_the_last_one_ended(
    fitted, imagery_recording, away, lost
):
    decoder, recording = fitted["riemann"], imagery_recording(seed=5)
    samples, stamps = recording.samples_uv[:1300], np.arange(1300) / recording.rate

    def sender():
        feed = Segmenter(recording.labels, ["uV"] * len(recording.labels), recording.rate)
        return feed.push(samples, stamps), decoder.attach(feed.labels, feed.units, feed.rate)

    segments, path = sender()
    online = OnlineDecoder(decoder, path, WindowDecoder(decoder, None, HOP))
    before = list(online.push(segments))
    segments, path = sender()
    online.resume(path, away, "The stream is back")
    after = list(online.push(segments))
    assert after[0].sample == before[-1].sample + lost + HOP
    assert [result.status for result in after] == ["gap"] * 15 + ["ok"] * (len(after) - 15)
    assert [result.time for result in after] == [result.time for result in before]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert online.reason == "The stream is back"
