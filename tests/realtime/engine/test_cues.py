"""Where markers come from: a stream, another one that is chosen later, and feedback tasks."""

import threading

from core.stream.marker_feed import TimedMarker
from realtime.engine.cues import CueWatch

CLASSES = ("left_hand", "right_hand")


class Feed:
    def __init__(self, *texts, problem=""):
        self.waiting = [TimedMarker(10.0 + k, text) for k, text in enumerate(texts)]
        self.problem, self.dropped_markers = problem, 0
        self.closed = threading.Event()

    def read(self, signal, correction):
        markers, self.waiting = self.waiting, []
        return markers

    def close(self):
        self.closed.set()


def labels(watch):
    return [(cue.label, cue.name, cue.task) for cue in watch.read(None, 0.0)]


def test_without_a_stream_there_are_no_cues_until_a_task_sets_one():
    watch = CueWatch(None, CLASSES, {}, 128.0)
    assert labels(watch) == []
    assert watch.cues is None
    watch.mark("task/start", 5.0, "game")
    watch.mark("left_hand", 6.0, "game")
    assert labels(watch) == [("task/start", "", "game"), ("left_hand", "left_hand", "game")]
    assert [cue.time for cue in watch.cues] == [5.0, 6.0]
    assert watch.problem(0.0) == ""
    watch.close()


def test_another_stream_takes_the_place_of_the_one_before():
    first, second = Feed("769"), Feed("T2", problem="not there\nyet")
    watch = CueWatch(first, CLASSES, {"T2": "right_hand"}, 128.0)
    assert labels(watch) == [("769", "left_hand", "")]
    watch.listen(second)
    assert labels(watch) == [("T2", "right_hand", "")]
    assert first.closed.wait(10.0)
    # A person chose it, so that it is missed.
    assert watch.problem(100.0) == ""
    assert watch.problem(106.0) == "not there"
    watch.close()
    assert second.closed.is_set()


def test_markers_of_which_none_is_a_cue_are_said_until_one_is():
    feed = Feed("32766", "T0", "T1", "T0", "T2")
    watch = CueWatch(feed, CLASSES, {}, 128.0)
    labels(watch)
    assert watch.problem(0.0) == ""  # it may be the beginning of a run
    feed.waiting = [TimedMarker(20.0, "T0")]
    labels(watch)
    assert watch.problem(1.0) == (
        "Markers came (32766, T0, T1, T2), and none is a cue of left_hand or right_hand: trials "
        "are neither scored nor learned from. Name the cues with --event LABEL=CLASS."
    )
    feed.waiting = [TimedMarker(30.0, "left_hand")]
    labels(watch)
    assert watch.problem(2.0) == ""
    watch.listen(Feed("x", "x", "x"))
    labels(watch)
    assert watch.problem(3.0).startswith("Markers came (x)")


def test_a_stream_that_is_lost_is_said_before_markers_that_are_no_cues():
    watch = CueWatch(Feed("x", "x", "x", problem="lost"), CLASSES, {}, 128.0, asked=True)
    labels(watch)
    assert watch.problem(0.0).startswith("Markers came")
    assert watch.problem(6.0) == "lost"


def test_markers_of_a_feedback_task_are_its_own():
    watch = CueWatch(None, CLASSES, {}, 128.0)
    for _ in range(3):
        watch.mark("task/pause", 5.0, "game")
    labels(watch)
    assert watch.problem(0.0) == ""


def test_a_stream_that_is_chosen_is_there_before_its_first_marker():
    watch = CueWatch(None, (), {}, 0.0)
    watch.listen(Feed())
    assert watch.cues == ()
    watch.close()
