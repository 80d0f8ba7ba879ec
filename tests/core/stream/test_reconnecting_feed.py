"""How old signal is by any clock, and what becomes of a stream when the computer sleeps."""

import threading
from dataclasses import replace

import numpy as np
import pylsl
import pytest

from core.stream import reconnecting
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from core.stream.reconnecting import Reconnector
from core.stream.reconnecting_feed import ReconnectingFeed
from core.stream.stream_feed import Overrides

RATE = 100.0


class Severed(Inlet):
    """Its connection broke without a word: nothing comes, and nothing says so."""

    def _receive(self, inlet):
        self._stop.wait()


@pytest.fixture
def opened(name, request):
    """Open a feed on a stream that is sent live, stamped by a clock that is off by `offset[0]`."""
    stop, offset, slept, notes = threading.Event(), [0.0], [0.0], []
    outlet = SignalOutlet(name, "EEG", ("C3", "C4"), "microvolts", RATE, "amp")

    def send():
        start, at = pylsl.local_clock(), 0
        while not stop.wait(0.02):
            due = int((pylsl.local_clock() - start) * RATE)
            stamps = start + offset[0] + np.arange(at, due) / RATE
            outlet.push(np.ones((due - at, 2)), stamps)
            at = due

    thread = threading.Thread(target=send)
    thread.start()
    inlet = getattr(request, "param", Inlet)(find_stream(StreamQuery(name=name), 20.0))
    feed = ReconnectingFeed(
        inlet,
        Overrides(),
        lambda segmenter: None,
        lambda kind, text: notes.append((kind, text)),
        asleep=lambda: slept[0],
    )
    yield feed, offset, slept, notes
    stop.set()
    thread.join()
    feed.close()


def read(feed, until, condition=lambda received: True):
    """Read until something comes that a condition holds for."""

    def look():
        received = feed.read()
        return received if received is not None and condition(received) else None

    return until(look)


def test_signal_is_as_old_as_its_stamps_say(opened, until):
    feed, _, _, _ = opened
    read(feed, until)
    newest = float(read(feed, until).block.stamps[-1])
    assert 0.0 <= feed.age(newest) < 1.0
    assert feed.age(newest - 70.0) == pytest.approx(70.0, abs=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("by", [3.0, -3.0, 3600.0])
def test_signal_is_as_old_as_before_when_the_senders_clock_was_set(opened, until, by):
    feed, offset, _, _ = opened
    stamps = []

    def take(received):
        stamps.append(float(received.block.stamps[-1]))
        return len(stamps) > 20

    read(feed, until, take)
    before = stamps[-1]
    offset[0] = by
    stamps.clear()
    read(feed, until, take)
    assert stamps[-1] - before == pytest.approx(by, abs=2.0)
    assert feed.lost_samples == 0
    assert abs(feed.age(stamps[-1])) < 1.0
    assert feed.offset == pytest.approx(-by, abs=1.0)  # as when a cue is seen is to be told
    assert feed.rate.verdict.level != "refused"


def test_stamps_of_a_replay_that_runs_faster_are_moved_by_nothing(opened, until):
    feed, _, _, _ = opened
    feed.facts = replace(feed.facts, speed=4.0)
    read(feed, until)
    assert feed.offset == pytest.approx(0.0, abs=1.0)


def test_a_stream_that_was_open_while_the_computer_slept_is_opened_anew(opened, until):
    feed, _, slept, notes = opened
    read(feed, until)
    slept[0] = 70.0
    feed.read()  # what came before
    assert feed.condition == "lost"
    assert ("asleep", "This computer was asleep for 70 s: the stream is opened anew.") in notes
    read(feed, until, lambda received: received.away is not None)
    assert "twin" not in [kind for kind, _ in notes]


@pytest.mark.slow
@pytest.mark.parametrize("opened", [Severed], indirect=True)
def test_a_stream_whose_connection_broke_without_a_word_is_opened_anew(opened, until):
    feed, _, _, notes = opened
    assert read(feed, until).away > 2.0
    assert [kind for kind, _ in notes] == ["silent", "back"]


@pytest.mark.slow
def test_a_sender_that_is_silent_to_everybody_is_waited_for(name, until, monkeypatch):
    monkeypatch.setattr(reconnecting, "_PROBE", 0.1)
    monkeypatch.setattr(reconnecting, "_SENDS", 0.2)
    outlet = SignalOutlet(name, "EEG", ("C3", "C4"), "microvolts", RATE, "amp")
    lost = find_stream(StreamQuery(name=name), 20.0).identity
    search = Reconnector(lost, lambda facts: None, gone=False)
    for _ in range(2):  # tried, and let go again
        until(outlet.has_consumers)
        until(lambda: not outlet.has_consumers())
    assert (search.take(), search.problem, search.offers) == (None, "", ())
    search.close(wait=True)
    outlet.close()
