"""Runs that follow on each other: after a gap, and from another sender."""

import numpy as np
import pytest

from core.decoding.online import OnlineDecoder
from core.decoding.window_decoder import WindowDecoder
from core.feed.segments import Segmenter

HOP, RATE = 64, 250.0


@pytest.fixture
def recording(imagery_recording):
    return imagery_recording(seed=5)


def online_of(decoder, recording):
    feed = Segmenter(recording.labels, ["uV"] * len(recording.labels), RATE)
    path = decoder.attach(feed.labels, feed.units, feed.rate)
    return OnlineDecoder(decoder, path, WindowDecoder(decoder, None, HOP)), feed


@pytest.mark.parametrize(("away", "lost"), [(2.0, 512), (0.0, 0), (-1.0, 0)])
def test_another_sender_is_counted_from_where_the_last_one_ended(fitted, recording, away, lost):
    decoder, samples = fitted["riemann"], recording.samples_uv[:1300]
    stamps = np.arange(len(samples)) / RATE
    online, feed = online_of(decoder, recording)
    before = list(online.push(feed.push(samples, stamps)))
    _, feed = online_of(decoder, recording)
    online.resume(decoder.attach(feed.labels, feed.units, RATE), away, "The stream is back")
    after = list(online.push(feed.push(samples, stamps)))
    assert after[0].sample == before[-1].sample + lost + HOP
    assert [result.status for result in after] == ["gap"] * 15 + ["ok"] * (len(after) - 15)
    assert [result.time for result in after] == [result.time for result in before]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert online.reason == "The stream is back"


def test_a_run_after_a_gap_is_judged_as_a_new_stream_is(fitted, recording):
    samples, stamps = recording.samples_uv[:4000].copy(), np.arange(4000) / RATE
    for begin in (1400, 2200):
        samples[begin : begin + 100, recording.labels.index("C3")] = 0.0
    stamps[1500:] += 10.0
    runs = []
    for first in (0, 1500):
        online, feed = online_of(fitted["riemann"], recording)
        results = list(online.push(feed.push(samples[first:1700], stamps[first:1700])))
        to_go = online.seconds_to_go
        results += online.push(feed.push(samples[1700:], stamps[1700:]))
        after = [result for result in results if result.time > stamps[1500]]
        kinds = [result.status.replace("warming", "gap") for result in after]
        runs.append((to_go, kinds, [result.time for result in after]))
        assert {"gap", "artifact", "ok"} <= set(kinds)
    assert runs[0] == runs[1]


def test_a_block_that_is_sent_again_after_a_gap_is_refused(fitted, recording):
    rows = np.r_[0:1530, 1500:2000]  # the last of the first run are too few for a hop
    stamps = np.arange(len(rows)) / RATE
    stamps[1530:] += 10.0
    online, feed = online_of(fitted["riemann"], recording)
    results = list(online.push(feed.push(recording.samples_uv[rows], stamps)))
    assert online.reason == "The stream sends a block of samples again"
    assert "artifact" in {result.status for result in results}


@pytest.mark.parametrize("cuts", [(), (1100, 1210)])
def test_samples_that_are_no_numbers_are_refused_hop_by_hop(fitted, recording, cuts):
    samples, stamps = recording.samples_uv[:2000].copy(), np.arange(2000) / RATE
    samples[1000:1500, recording.labels.index("C3")] = np.nan
    online, feed = online_of(fitted["riemann"], recording)
    results = []
    for block, when in zip(np.split(samples, cuts), np.split(stamps, cuts), strict=True):
        results += online.push(feed.push(block, when))
    refused = [result for result in results if result.status == "artifact"][:7]
    hop = 63  # samples of the stream, of which 500 are eight hops but for four
    assert 1000 <= round(refused[0].time * RATE) < 1000 + hop
    np.testing.assert_allclose(np.diff([result.time for result in refused]), hop / RATE)
    for result in refused:
        assert result.sample == pytest.approx(result.time * 256.0, abs=1.0)
    assert online.reason == "C3 sent NaN or inf"
