"""Markers that come and go, on the clock of a signal."""

from contextlib import closing
from dataclasses import replace
from functools import partial

import pylsl
import pytest

from core.stream import description, discovery, marker_feed
from core.stream.description import StreamIdentity
from core.stream.discovery import StreamQuery
from core.stream.inlet import MarkerInlet
from core.stream.marker_feed import MarkerFeed
from core.stream.outlets import MarkerOutlet


@pytest.fixture
def feed(name):
    feed = MarkerFeed(StreamQuery(stream=name))
    yield feed
    feed.close()


@pytest.fixture
def here(name):
    """The identity of a signal that this machine sends."""
    outlet = MarkerOutlet(f"{name}-other")
    host = pylsl.resolve_byprop("name", f"{name}-other", timeout=10.0)[0].hostname()
    outlet.close()
    return StreamIdentity("EEG", "EEG", "amp", host, "uid")


@pytest.mark.slow
def test_an_answer_that_cannot_be_read_does_not_end_the_search(name, until, monkeypatch):
    answers = [OSError("no such answer")]

    def described(found):
        if answers:
            raise answers.pop()
        return description.described(found)

    monkeypatch.setattr(discovery, "described", described)
    outlet = MarkerOutlet(name)
    with closing(MarkerFeed(StreamQuery(stream=name))) as feed:
        until(lambda: feed.problem == "What was found could not be read: no such answer")
        assert feed.wait(20.0)
        assert feed.problem == ""
    outlet.close()


@pytest.mark.slow
def test_markers_that_were_dropped_are_counted_over_all_starts(here, name, until, monkeypatch):
    monkeypatch.setattr(marker_feed, "MarkerInlet", partial(MarkerInlet, capacity=3))
    with closing(MarkerFeed(StreamQuery(stream=name))) as feed:
        for dropped in (2, 4):
            outlet = MarkerOutlet(name)
            assert outlet.wait_for_consumer(20.0)
            until(lambda: not feed.problem)
            for number in range(5):
                outlet.push(str(number), 1.0 + number)
            until(lambda total=dropped: feed.dropped_markers == total)
            assert [m.text for m in feed.read(here, 0.0)] == ["2", "3", "4"]
            outlet.close()
            until(lambda: feed.problem)


@pytest.mark.slow
def test_markers_of_one_machine_keep_their_time_to_the_last_digit(feed, here, name, until):
    outlet = MarkerOutlet(name)
    assert feed.wait(20.0)
    assert feed.read(here, 0.0) == []
    outlet.push("left_hand", 1234.567891)
    outlet.push("µ ✓", 1235.25)
    markers = []
    until(lambda: markers.extend(feed.read(here, 2e-5)) or len(markers) == 2)
    assert [(m.time, m.text) for m in markers] == [(1234.567891, "left_hand"), (1235.25, "µ ✓")]
    outlet.close()


@pytest.mark.slow
def test_markers_of_another_machine_are_brought_to_the_clock_of_the_signal(feed, here, name, until):
    outlet = MarkerOutlet(name)
    assert feed.wait(20.0)
    outlet.push("left_hand", 1000.0)
    # The signal's clock lies 50 s behind this machine's; the markers' is this machine's own.
    there = replace(here, host="another")
    markers = until(lambda: feed.read(there, 50.0))
    assert markers[0].time == pytest.approx(950.0, abs=0.01)
    outlet.close()


class Measured(MarkerInlet):
    """Knows how much its sender's clock differs, or does not."""

    value = 0.0

    def _correct(self, inlet):
        self.correction = self.value


@pytest.mark.slow
@pytest.mark.parametrize(("markers", "signal"), [(0.0, 5000.0), (5000.0, 0.0)])
def test_a_clock_that_is_not_measured_yet_moves_no_marker_of_the_same_machine(
    markers, signal, here, name, until, monkeypatch
):
    monkeypatch.setattr(marker_feed, "MarkerInlet", Measured)
    monkeypatch.setattr(Measured, "value", markers)
    outlet = MarkerOutlet(name)
    with closing(MarkerFeed(StreamQuery(stream=name))) as feed:
        assert feed.wait(20.0)
        outlet.push("left_hand", 1000.0)
        assert until(lambda: feed.read(here, signal))[0].time == 1000.0
    outlet.close()


@pytest.mark.slow
def test_markers_of_another_machine_wait_for_the_clock_of_a_signal_that_was_opened_anew(
    here, name, until, monkeypatch
):
    monkeypatch.setattr(marker_feed, "MarkerInlet", Measured)
    monkeypatch.setattr(marker_feed, "_CLOCKS", 3600.0)
    monkeypatch.setattr(Measured, "value", 30.0)
    outlet, there = MarkerOutlet(name), replace(here, host="another")
    with closing(MarkerFeed(StreamQuery(stream=name))) as feed:
        assert feed.wait(20.0)
        for number, correction in enumerate((50.0, 80.0)):
            outlet.push("left_hand", 1000.0)
            until(lambda: feed.read(there, 0.0) or feed._waiting)
            [marker] = feed.read(there, correction)
            assert marker.time == 980.0 - 30.0 * number
    outlet.close()


@pytest.mark.slow
def test_a_stream_that_is_not_there_is_said_and_found_when_it_comes(feed, here, name, until):
    until(lambda: feed.problem)
    assert name in feed.problem
    for number in range(2):  # it ends and starts again
        outlet = MarkerOutlet(name)
        assert outlet.wait_for_consumer(20.0)
        until(lambda: not feed.problem)
        outlet.push(f"cue {number}", 5.0 + number)
        markers = until(lambda: feed.read(here, 0.0))
        assert [(m.time, m.text) for m in markers] == [(5.0 + number, f"cue {number}")]
        outlet.close()
        until(lambda: feed.problem)


@pytest.mark.slow
def test_a_stream_whose_connection_broke_without_a_word_is_opened_anew(
    here, name, until, monkeypatch
):
    class Severed(MarkerInlet):
        def _receive(self, inlet):
            monkeypatch.setattr(marker_feed, "MarkerInlet", MarkerInlet)  # of the next one
            self._stop.wait()

    monkeypatch.setattr(marker_feed, "MarkerInlet", Severed)
    outlet = MarkerOutlet(name)
    with closing(MarkerFeed(StreamQuery(stream=name))) as feed:
        assert feed.wait(20.0)
        severed = feed._inlet
        feed.renew()
        until(lambda: feed._inlet is not severed)
        outlet.push("left_hand", 1000.0)
        assert until(lambda: feed.read(here, 0.0))[0].text == "left_hand"
    outlet.close()
