"""How old signal is by any clock, and what becomes of a stream when the computer sleeps."""

import threading

import numpy as np
import pylsl
import pytest

from core.feed.continuity import Continuity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from realtime.engine.connection import Link

RATE = 100.0


@pytest.fixture
def linked(name):
    """Open a link on a stream that is sent live, stamped by a clock that is off by `offset[0]`."""
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
    inlet = Inlet(find_stream(StreamQuery(name=name), 20.0))
    link = Link(
        inlet,
        lambda facts: None,
        pylsl.local_clock,
        lambda kind, text: notes.append((kind, text)),
        asleep=lambda: slept[0],
    )
    yield link, offset, slept, notes
    stop.set()
    thread.join()
    link.close()


def read(link, until, condition=lambda block: True):
    """Read until a block comes that a condition holds for."""

    def look():
        block = link.read()
        return block if block is not None and condition(block) else None

    return until(look)


def test_signal_is_as_old_as_its_stamps_say(linked, until):
    link, _, _, _ = linked
    block = read(link, until)
    block = read(link, until)
    newest = float(block.stamps[-1])
    assert 0.0 <= link.age(newest) < 1.0
    assert link.age(newest - 70.0) == pytest.approx(70.0, abs=1.0)


@pytest.mark.parametrize("by", [3.0, -3.0, 3600.0])
def test_signal_is_as_old_as_before_when_the_senders_clock_was_set(linked, until, by):
    link, offset, _, _ = linked
    continuity = Continuity(RATE)
    stamps = []

    def take(block):
        link.watch(block, continuity)
        continuity.split(block.stamps, link.set_by)
        stamps.append(float(block.stamps[-1]))
        return len(stamps) > 20

    read(link, until, take)
    before = stamps[-1]
    offset[0] = by
    stamps.clear()
    read(link, until, take)
    assert stamps[-1] - before == pytest.approx(by, abs=2.0)
    assert continuity.lost_samples == 0
    assert abs(link.age(stamps[-1])) < 1.0
    assert link.rate.verdict.level != "refused"


def test_a_stream_that_was_open_while_the_computer_slept_is_opened_anew(linked, until):
    link, _, slept, notes = linked
    read(link, until)
    slept[0] = 70.0
    assert link.read() is None or link.condition == "lost"
    assert ("asleep", "This computer was asleep for 70 s: the stream is opened anew.") in notes
    read(link, until, lambda block: link.condition == "ok" and link.away() is not None)
    assert "twin" not in [kind for kind, _ in notes]
