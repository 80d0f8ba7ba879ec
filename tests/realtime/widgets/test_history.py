from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from realtime.engine.snapshot import Decision
from realtime.widgets.history import HistoryStrip, stretches


def decisions(*kinds, hop=0.25, start=100.0):
    return tuple(
        Decision(
            index=index,
            time=start + index * hop,
            sample=0,
            status=status,
            probabilities={"left_hand": 0.8, "right_hand": 0.2} if status == "ok" else None,
            decision=decision,
            age_ms=1.0,
            compute_ms=1.0,
        )
        for index, (status, decision) in enumerate(kinds)
    )


LEFT, NONE, GAP = ("ok", "left_hand"), ("ok", None), ("gap", None)


def test_neighbours_of_one_status_are_joined():
    parts = stretches(decisions(NONE, LEFT, LEFT, GAP, GAP, LEFT))
    assert [(part.status, part.start, part.stop) for part in parts] == [
        ("ok", -1.5, -0.75),
        ("gap", -0.75, -0.25),
        ("ok", -0.25, 0.0),
    ]


def test_decisions_are_parted_if_asked():
    parts = stretches(decisions(NONE, LEFT, LEFT, NONE), by_decision=True)
    assert [part.decisions[0].decision for part in parts] == [None, "left_hand", None]


def test_a_pause_leaves_a_hole():
    recent = decisions(*[LEFT] * 8)
    recent = tuple(replace(d, time=d.time + 5.0 * (d.index >= 4)) for d in recent)
    first, second = stretches(recent)
    assert second.start - first.stop == pytest.approx(5.0)


def test_refusals_while_nothing_comes_take_their_time():
    # The newest sample's time stands still, and so does the time of every refusal.
    recent = decisions(*[LEFT] * 4, *[("lost", None)] * 8)
    recent = tuple(replace(d, time=min(d.time, recent[3].time)) for d in recent)
    ok, lost = stretches(recent)
    assert (lost.status, lost.start, lost.stop) == ("lost", -2.0, 0.0)
    assert (ok.start, ok.stop) == (-3.0, -2.0)


def test_nothing_older_than_a_minute():
    parts = stretches(decisions(*[LEFT] * 400))
    assert parts[0].start == -60.0
    assert len(parts[0].decisions) == 240


def test_no_decision_no_stretch():
    assert stretches(()) == []
    assert len(stretches(decisions(LEFT))) == 1


@pytest.fixture
def strip(qtbot):
    widget = HistoryStrip()
    qtbot.addWidget(widget)
    widget.resize(900, 168)
    return widget


def test_refused_windows_draw_no_probability(strip, make_view, picture):
    view = make_view()
    every = tuple(replace(decision, status="gap") for decision in view.state.recent)
    view.change(recent=every)  # an engine that forgot to take the probabilities out
    strip.show_snapshot(view.state)
    before = picture(strip)
    view.change(recent=tuple(replace(d, probabilities=None, decision=None) for d in every))
    strip.show_snapshot(view.state)
    assert np.array_equal(before, picture(strip))


def test_probabilities_decisions_and_refusals_are_drawn(strip, make_view, picture):
    view = make_view()
    images = []
    for recent in (
        view.state.recent,
        tuple(replace(d, decision=None) for d in view.state.recent),
        tuple(replace(d, status="lost", probabilities=None) for d in view.state.recent),
        (),
    ):
        view.change(recent=recent)
        strip.show_snapshot(view.state)
        images.append(picture(strip).tobytes())
    assert len(set(images)) == 4


def test_without_a_decoder_there_is_no_history(strip, make_view, picture):
    view = make_view()
    strip.show_snapshot(view.state)
    view.change(decoder=None)
    strip.show_snapshot(view.state)
    with_recent = picture(strip)
    view.change(recent=())
    strip.show_snapshot(view.state)
    assert np.array_equal(with_recent, picture(strip))


def test_a_picture_waits_for_half_a_second_or_for_news(strip, make_view, picture):
    view = make_view()
    steady = decisions(*[LEFT] * 40, hop=1 / 16)
    drawn = []
    for count in (30, 31, 36, 38, 39):  # the last waits: 0.19 s after the one before
        view.change(recent=steady[:count])
        strip.show_snapshot(view.state)
        drawn.append(picture(strip).tobytes())
    assert [one != next_one for one, next_one in pairwise(drawn)] == [False, False, True, False]
    view.change(recent=(*steady[:39], replace(steady[39], decision="right_hand")))
    strip.show_snapshot(view.state)
    assert picture(strip).tobytes() != drawn[-1]
