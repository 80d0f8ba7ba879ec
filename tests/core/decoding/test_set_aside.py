"""Electrodes that are set aside, by the program and by a person."""

import numpy as np
import pytest

from core.decoding.online import OnlineDecoder
from core.errors import InputError
from core.feed.segments import Segmenter

RATE, HOP = 250.0, 64
SECONDS = 24
LABELS = tuple("FZ FC3 FC1 FCZ FC2 FC4 C5 C3 C1 CZ C2 C4 C6 CP3 CPZ CP4 PZ".split())


@pytest.fixture
def samples(imagery_recording):
    return imagery_recording(seed=3).samples_uv[: int(SECONDS * RATE)].astype(np.float64)


@pytest.fixture
def make_online(fitted, imagery_recording):
    def make(head="riemann"):
        decoder = fitted[head]
        labels = imagery_recording().labels
        feed = Segmenter(labels, ["uV"] * len(labels), RATE)
        path = decoder.attach(feed.labels, feed.units, feed.rate)
        encoder = decoder.load_encoder()
        return OnlineDecoder(decoder, path, decoder.windows(encoder, HOP)), feed

    return make


def decode(online, feed, samples, cuts=()):
    stamps = np.arange(len(samples)) / RATE
    results = []
    for block, when in zip(np.split(samples, cuts), np.split(stamps, cuts), strict=True):
        results += [(r, online.aside) for r in online.push(feed.push(block, when))]
    return results


def flat(samples, names, begin=6.0):
    changed = samples.copy()
    for name in names:
        changed[int(begin * RATE) :, LABELS.index(name)] = 1.0
    return changed


def test_one_flat_electrode_is_set_aside_and_decisions_go_on(make_online, samples):
    online, feed = make_online()
    results = decode(online, feed, flat(samples, ["FC3"]))
    assert online.aside == ("FC3",)
    before = [r for r, aside in results if not aside and r.time > 6.5]
    assert {r.status for r in before} == {"artifact"}
    assert 3.9 < before[-1].time - before[0].time < 6.0  # a plug that is put back needs no help
    after = [r for r, aside in results if aside]
    assert [r.status for r in after][-1] == "ok"
    assert sum(r.status == "ok" for r in after) > 20


@pytest.mark.slow
@pytest.mark.parametrize("head", ["riemann", "hybrid"])
def test_how_the_stream_is_cut_changes_nothing(make_online, samples, head):
    spoilt = flat(samples, ["C3"])
    whole = decode(*make_online(head), spoilt)
    cuts = np.sort(np.random.default_rng(1).choice(len(spoilt), 60, replace=False))
    parts = decode(*make_online(head), spoilt, cuts)
    for (one, _), (other, _) in zip(whole, parts, strict=True):
        assert (one.sample, one.status, one.time) == (other.sample, other.status, other.time)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert whole[-1][1] == parts[-1][1] == ("C3",)


@pytest.mark.parametrize("names", [("FC3", "C4"), LABELS])
def test_more_than_may_be_interpolated_stay_refused(make_online, samples, names):
    online, feed = make_online()
    results = decode(online, feed, flat(samples, names))
    assert online.aside == ()
    assert {r.status for r, _ in results if r.time > 6.5} == {"artifact"}


def test_a_short_flatness_sets_nothing_aside(make_online, samples):
    online, feed = make_online()
    spoilt = flat(samples, ["FC3"])
    spoilt[int(10.0 * RATE) :] = samples[int(10.0 * RATE) :]
    decode(online, feed, spoilt)
    assert online.aside == ()


def test_set_aside_from_the_beginning_is_decoded_as_if_the_channel_sent_anything(
    make_online, samples
):
    def run(changed):
        online, feed = make_online()
        assert list(online.set_aside(["C3"])) == []
        return decode(online, feed, changed)

    expected = run(samples)
    for value in (1.0, np.nan):
        spoilt = samples.copy()
        spoilt[:, LABELS.index("C3")] = value
        for (one, _), (other, _) in zip(expected, run(spoilt), strict=True):
            assert one.status == other.status
            np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert sum(r.status == "ok" for r, _ in expected) > 60


def test_an_electrode_that_is_used_again_begins_a_new_run(make_online, samples):
    online, feed = make_online()
    half = len(samples) // 2
    list(online.set_aside(["C3"]))
    stamps = np.arange(len(samples)) / RATE
    list(online.push(feed.push(samples[:half], stamps[:half])))
    list(online.set_aside([]))
    results = list(online.push(feed.push(samples[half:], stamps[half:])))
    assert online.aside == ()
    waiting = [r for r in results if r.status == "gap"]
    assert 14 <= len(waiting) <= 17  # a window of four seconds
    assert {r.status for r in results[len(waiting) :]} == {"ok"}
    assert "used again" in online.reason


def test_what_cannot_be_set_aside_is_refused(make_online):
    online, _ = make_online()
    with pytest.raises(InputError, match="no electrode T9"):
        list(online.set_aside(["T9"]))
    with pytest.raises(InputError, match="2 of the decoder's 17 electrodes"):
        list(online.set_aside(["C3", "C4"]))
