"""Every reader of a stream gets the same segments, over real LSL."""

import numpy as np
import pylsl
import pytest

from core.errors import InputError
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Block, Inlet
from core.stream.outlets import SignalOutlet
from core.stream.stream_feed import Overrides, StreamFeed

RATE = 100.0


@pytest.fixture
def sent(name):
    """A stream in volts, and what it sends."""
    outlet = SignalOutlet(name, "EEG", ("C3", "TRG"), "V", RATE, "amp")
    inlet = Inlet(find_stream(StreamQuery(name=name), 20.0))
    values = np.random.default_rng(0).normal(0.0, 20e-6, (400, 2)).astype(np.float32)
    with inlet:
        yield outlet, inlet, values
    outlet.close()


def received(feed, until, count):
    """Return what comes until there are so many samples."""
    parts = []

    def enough():
        part = feed.read()
        parts.extend([] if part is None else [part])
        return sum(len(part.block.stamps) for part in parts) >= count

    until(enough)
    return parts


def read(feed, until, count):
    """Read so many samples."""
    return [segment for part in received(feed, until, count) for segment in part.segments]


def test_a_stream_comes_in_microvolts_and_its_gap_is_counted(sent, until):
    outlet, inlet, values = sent
    feed, start = StreamFeed(inlet), pylsl.local_clock()
    kept = np.r_[0:150, 170:400]
    outlet.push(values[kept], start + kept / RATE)
    segments = read(feed, until, len(kept))
    expected = (values[kept] * 1e6).astype(np.float32)
    np.testing.assert_array_equal(np.concatenate([s.samples_uv for s in segments]), expected)
    assert [(s.first, s.lost) for s in segments if s.begins] == [(0, 0), (170, 20)]
    assert feed.lost_samples == 20
    assert feed.segmenter.units == ("microvolts", "microvolts")


def test_what_was_lost_is_told_with_the_samples_after_it_and_once(sent, until):
    outlet, inlet, values = sent
    feed, start, lost = StreamFeed(inlet), pylsl.local_clock(), []
    for rows in (np.r_[0:150], np.r_[170:300], np.r_[310:350], np.r_[350:400]):
        outlet.push(values[rows], start + rows / RATE)
        lost.append(sum(part.lost for part in received(feed, until, len(rows))))
    assert lost == [0, 20, 10, 0]
    assert feed.lost_samples == 30


def test_signal_that_waited_is_judged_by_when_it_came_and_given_as_one(sent):
    _, inlet, values = sent
    now = pylsl.local_clock()
    parts = [
        Block(
            values[at : at + 10], now + np.arange(at, at + 10) / RATE - 4.0, now + at / RATE - 3.9
        )
        for at in range(0, 400, 10)
    ]
    stamps = np.concatenate([part.stamps for part in parts])
    inlet.read = lambda timeout: Block(values, stamps, parts[-1].arrival, tuple(parts))
    feed = StreamFeed(inlet)
    (segment,) = feed.read().segments
    np.testing.assert_array_equal(segment.raw, values)
    np.testing.assert_array_equal(segment.times, stamps)
    assert feed.rate.verdict.level == "ok"
    assert feed.rate.barred == ""


@pytest.mark.parametrize("jump", [3600.0, -100.0])
def test_a_senders_clock_that_was_set_is_seen_by_every_reader(sent, until, jump):
    outlet, inlet, values = sent
    feed, start = StreamFeed(inlet), pylsl.local_clock()
    outlet.push(values[:200], start + np.arange(200) / RATE)
    read(feed, until, 200)
    assert not feed.clock_was_set
    outlet.push(values[200:], start + jump + np.arange(200, 400) / RATE)
    (segment, *_) = read(feed, until, 200)
    assert segment.begins
    assert segment.words.startswith(f"The sender's clock jumped by {jump:+.6g} s")
    assert (feed.clock_was_set, feed.lost_samples) == (True, 0)
    assert feed.pace.usual == pytest.approx(-jump, abs=40.0)


def test_what_a_person_knows_better_stands(sent):
    _, inlet, _ = sent
    feed = StreamFeed(inlet, Overrides(("Cz", "none"), "mV", 2.0))
    assert feed.facts.labels == ("Cz", "Unused2")
    assert feed.segmenter.factors == pytest.approx((1000.0, 1000.0))
    assert feed.facts.speed == 2.0


@pytest.mark.parametrize("known", [{"channels": ("Cz",)}, {"unit": "metres"}])
def test_what_cannot_be_meant_is_refused(sent, known):
    with pytest.raises(InputError, match=r"--channels names 1|unit \"metres\""):
        StreamFeed(sent[1], Overrides(**known))
