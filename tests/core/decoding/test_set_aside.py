"""Electrodes that are set aside, by the program and by a person."""

from dataclasses import replace

import numpy as np
import pytest

from core.decoding.online import OnlineDecoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from core.feed.segments import Segmenter

RATE, HOP = 250.0, 64
SECONDS = 24
LABELS = tuple("FZ FC3 FC1 FCZ FC2 FC4 C5 C3 C1 CZ C2 C4 C6 CP3 CPZ CP4 PZ".split())


@pytest.fixture
def samples(imagery_recording):
    return imagery_recording(seed=3).samples_uv[: int(SECONDS * RATE)].astype(np.float64)


def online_of(decoder, labels=LABELS):
    feed = Segmenter(labels, ["uV"] * len(labels), RATE)
    path = decoder.attach(feed.labels, feed.units, feed.rate)
    return OnlineDecoder(decoder, path, WindowDecoder(decoder, decoder.load_encoder(), HOP)), feed


@pytest.fixture
def make_online(fitted):
    return lambda head="riemann": online_of(fitted[head])


def decode(online, feed, samples, cuts=()):
    stamps = np.arange(len(samples)) / RATE
    results = []
    for block, when in zip(np.split(samples, cuts), np.split(stamps, cuts), strict=True):
        results += [(r, online.aside) for r in online.push(feed.push(block, when))]
    return results


def flat(samples):
    return np.ones(len(samples))


def humming(samples):
    return samples + 200.0 * np.sin(2 * np.pi * 50.0 * np.arange(len(samples)) / RATE)


FAULTS = [(flat, "flat"), (humming, "full of mains hum")]
every_fault = pytest.mark.parametrize(("fault", "words"), FAULTS, ids=["flat", "hum"])


def spoilt_by(fault, samples, names, begin=6.0, end=SECONDS, labels=LABELS):
    changed = samples.copy()
    rows = slice(int(begin * RATE), int(end * RATE))
    for name in names:
        column = labels.index(name)
        changed[rows, column] = fault(changed[rows, column])
    return changed


@pytest.mark.slow
def test_it_is_known_whether_a_fault_is_over(make_online, samples):
    online, feed = make_online()
    names = LABELS[: len(LABELS) // 2]  # too many to be set aside
    spoilt = spoilt_by(flat, samples, names, begin=6.0, end=9.0)
    for second in range(15):
        rows = np.arange(second * RATE, (second + 1) * RATE, dtype=int)
        list(online.push(feed.push(spoilt[rows], rows / RATE)))
        assert online.spoilt is (6 <= second < 9)
        assert not online.spoilt or online.seconds_to_go == 4.0
    assert online.seconds_to_go == 0.0


@every_fault
def test_one_bad_electrode_is_set_aside_and_decisions_go_on(make_online, samples, fault, words):
    online, feed = make_online()
    results = decode(online, feed, spoilt_by(fault, samples, ["FC3"]))
    assert online.aside == ("FC3",)
    assert online.faults == {"FC3": words}
    before = [r for r, aside in results if not aside and r.time > 6.5]
    assert {r.status for r in before} == {"artifact"}
    assert 3.9 < before[-1].time - before[0].time < 6.0  # a plug that is put back needs no help
    after = [r.status for r, aside in results if aside]
    assert after[0] == "artifact"  # the piece with which it had lasted for long enough
    waiting = after.count("warming")
    assert 14 <= waiting <= 17  # a window of four seconds, in which nothing is missing
    assert set(after[1 + waiting :]) == {"ok"}
    assert len(after) - waiting > 20
    assert online.reason == f"FC3 ({words}) is set aside and interpolated"


@pytest.mark.slow
@every_fault
@pytest.mark.parametrize("head", ["riemann", "hybrid"])
def test_how_the_stream_is_cut_changes_nothing(make_online, samples, head, fault, words):
    spoilt = spoilt_by(fault, samples, ["C3"])
    whole = decode(*make_online(head), spoilt)
    cuts = np.sort(np.random.default_rng(1).choice(len(spoilt), 60, replace=False))
    parts = decode(*make_online(head), spoilt, cuts)
    for (one, _), (other, _) in zip(whole, parts, strict=True):
        assert (one.sample, one.status, one.time) == (other.sample, other.status, other.time)
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
    assert whole[-1][1] == parts[-1][1] == ("C3",)


@pytest.mark.slow
@every_fault
@pytest.mark.parametrize("names", [("FC3", "C4"), LABELS])
def test_more_than_may_be_interpolated_stay_refused(make_online, samples, names, fault, words):
    online, feed = make_online()
    results = decode(online, feed, spoilt_by(fault, samples, names))
    assert online.aside == ()
    assert {r.status for r, _ in results if r.time > 6.5} == {"artifact"}


@pytest.mark.slow
def test_a_flat_and_a_humming_electrode_are_too_many_together(make_online, samples):
    online, feed = make_online()
    spoilt = spoilt_by(humming, spoilt_by(flat, samples, ["FC3"]), ["C4"], begin=8.0)
    results = decode(online, feed, spoilt)
    assert online.aside == ()
    assert {r.status for r, _ in results if r.time > 6.5} == {"artifact"}


@pytest.mark.slow
@every_fault
def test_what_lasts_too_short_sets_nothing_aside(make_online, samples, fault, words):
    online, feed = make_online()
    spoilt = spoilt_by(fault, samples, ["FC3"], end=10.0)
    spoilt = spoilt_by(fault, spoilt, ["FC3"], begin=11.0, end=15.0)  # not in a row
    decode(online, feed, spoilt)
    assert online.aside == ()


@pytest.mark.slow
def test_electrodes_that_go_bad_one_after_another_are_set_aside_in_turn(imagery_recording):
    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder

    labels = (*LABELS, "P3", "P4", "POZ")  # 20, so that two may be set aside
    events = {"left_hand": "left_hand", "right_hand": "right_hand"}
    settings = FitSettings(head="riemann", repeats=1, origin=False, rest=False)
    decoder = fit_decoder([imagery_recording(labels=labels)], events, "01", settings).decoder
    later = imagery_recording(seed=3, labels=labels).samples_uv[: int(SECONDS * RATE)]
    spoilt = spoilt_by(flat, later.astype(np.float64), ["FC3"], labels=labels)
    spoilt = spoilt_by(humming, spoilt, ["P4"], begin=7.0, labels=labels)
    online, feed = online_of(decoder, labels)
    results = decode(online, feed, spoilt)
    changes = [aside for _, aside in results]
    one, both = (changes.index(names) for names in (("FC3",), ("FC3", "P4")))
    assert 10.5 < results[one][0].time < 11.5
    assert 11.5 < results[both][0].time < 12.5  # five seconds of its own, not of both together
    assert online.faults == {"FC3": "flat", "P4": "full of mains hum"}
    assert {r.status for r, _ in results if r.time > 17.0} == {"ok"}


@pytest.mark.slow
def test_an_electrode_that_hums_again_is_set_aside_again(make_online, samples):
    online, feed = make_online()
    spoilt = spoilt_by(humming, samples, ["FC3"])
    stamps = np.arange(len(samples)) / RATE
    half = len(samples) // 2
    list(online.push(feed.push(spoilt[:half], stamps[:half])))
    assert online.faults == {"FC3": "full of mains hum"}
    list(online.set_aside([]))
    assert (online.aside, online.faults) == ((), {})
    list(online.push(feed.push(spoilt[half:], stamps[half:])))
    assert online.aside == ("FC3",)


@pytest.mark.slow
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


def test_nothing_is_wrong_with_what_is_set_aside_and_saying_it_twice_breaks_nothing(
    fitted, samples
):
    decoder = fitted["riemann"]
    names, limits = decoder.settings.channels, decoder.facts.artifacts
    narrow = [
        0.1 if name == "C3" else span for name, span in zip(names, limits["span"], strict=True)
    ]
    facts = replace(decoder.facts, artifacts=limits | {"span": narrow})
    online, feed = online_of(replace(decoder, facts=facts))
    list(online.set_aside(["C3"]))
    stamps = np.arange(len(samples)) / RATE
    begin, rest = np.split(np.arange(len(samples)), [int(6 * RATE)])
    list(online.push(feed.push(samples[begin], stamps[begin])))
    assert list(online.set_aside(["C3"])) == []
    assert {r.status for r in online.push(feed.push(samples[rest], stamps[rest]))} == {"ok"}


@pytest.mark.slow
def test_an_electrode_that_is_used_again_begins_a_new_run(make_online, samples):
    online, feed = make_online()
    half = len(samples) // 2
    list(online.set_aside(["C3"]))
    stamps = np.arange(len(samples)) / RATE
    list(online.push(feed.push(samples[:half], stamps[:half])))
    list(online.set_aside([]))
    results = list(online.push(feed.push(samples[half:], stamps[half:])))
    assert online.aside == ()
    waiting = [r for r in results if r.status == "warming"]
    assert 14 <= len(waiting) <= 17  # a window of four seconds
    assert {r.status for r in results[len(waiting) :]} == {"ok"}
    assert "used again" in online.reason


def test_what_cannot_be_set_aside_is_refused(make_online):
    online, _ = make_online()
    with pytest.raises(InputError, match="no electrode T9"):
        list(online.set_aside(["T9"]))
    with pytest.raises(InputError, match="2 of the decoder's 17 electrodes"):
        list(online.set_aside(["C3", "C4"]))
