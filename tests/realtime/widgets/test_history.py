"""The last minute: what is drawn, and how little of it a new decision costs."""

from dataclasses import replace

import numpy as np
import pytest

from realtime.widgets.history import HistoryStrip
from ui.scrolling_pixmap import ScrollingPixmap


@pytest.fixture
def strip(qtbot):
    widget = HistoryStrip()
    qtbot.addWidget(widget)
    widget.resize(900, 168)
    widget.show()  # one that is hidden lays itself out for every picture
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


@pytest.mark.slow
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


@pytest.fixture
def drawn(monkeypatch):
    """How many columns each picture drew."""
    columns = []
    draw = ScrollingPixmap.draw

    def count(scroll, first, last, paint):
        columns.append(last - first + 1)
        draw(scroll, first, last, paint)

    monkeypatch.setattr(ScrollingPixmap, "draw", count)
    return columns


def test_a_threshold_or_a_reason_in_the_key_draws_no_columns_anew(strip, make_view, picture, drawn):
    view = make_view()
    every = view.state.recent
    view.change(recent=every[:-1])
    strip.show_snapshot(view.state)
    before = picture(strip)
    view.change(evidence=replace(view.state.evidence, threshold=0.9))
    strip.show_snapshot(view.state)
    assert not np.array_equal(before, picture(strip))
    view.change(recent=(*every[:-1], replace(every[-1], status="lost", probabilities=None)))
    strip.show_snapshot(view.state)
    picture(strip)
    assert len(drawn) == 3
    assert max(drawn[1:]) <= 10


@pytest.mark.slow
def test_a_new_decision_draws_its_own_columns_and_the_same_picture(
    strip, make_view, picture, drawn
):
    view = make_view()
    every = list(view.state.recent)
    every[-40:-30] = (
        replace(d, status="gap", probabilities=None, decision=None) for d in every[-40:-30]
    )
    shown = len(every) - 60
    for count_now in range(shown, len(every) + 1):
        view.change(recent=tuple(every[:count_now]))
        strip.show_snapshot(view.state)
        step_by_step = picture(strip)
    first, *others = drawn
    width = 900 - 72
    assert first == width
    assert max(others) <= 0.25 * width / 60 + 4  # a decision's, and the end of the one before
    assert len(others) == 60

    strip.resize(strip.width() + 1, strip.height())
    strip.resize(strip.width() - 1, strip.height())
    at_once = picture(strip)
    assert np.abs(at_once.astype(int) - step_by_step).max() <= 8  # of 255: rounding of edges


def test_it_says_how_much_was_refused(strip, make_view):
    view = make_view()
    recent = view.state.recent  # 30 of which are refused already
    view.change(
        recent=(
            *recent[:-40],
            *(replace(d, status="gap", probabilities=None) for d in recent[-40:]),
        )
    )
    strip.show_snapshot(view.state)
    assert "18 of the last 60 seconds refused" in strip.accessibleDescription()
