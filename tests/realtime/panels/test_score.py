"""What the panel of cues and decisions says and draws."""

import numpy as np
import pytest

from realtime.engine.cued_trials import Cue, CuedTrial
from realtime.panels.panel import NewestSignal
from realtime.panels.score import ScorePanel
from realtime.widgets.cues import cue_marks
from realtime.widgets.history import HistoryStrip
from ui.traces import TraceView

CLASSES = ("left_hand", "right_hand")


def trials(count, wrong=2):
    return tuple(
        CuedTrial(
            8.0 * k, CLASSES[k % 2], CLASSES[(k + (k < wrong)) % 2] if k % 7 else "", 1.0 + 0.1 * k
        )
        for k in range(count)
    )


@pytest.fixture
def panel(qtbot):
    widget = ScorePanel()
    qtbot.addWidget(widget)
    widget.resize(400, 480)
    widget.show()
    failures = []
    widget.failed.connect(failures.append)
    yield widget
    assert failures == []


def look(panel, view):
    panel.look(view.state, NewestSignal(view.traces, view.raw_traces))


def test_without_markers_it_says_how_to_get_them(panel, make_view):
    look(panel, make_view())
    assert "Markers (M)" in panel.accessibleDescription()


def test_before_the_first_trial_it_waits_for_one(panel, make_view):
    view = make_view()
    view.change(cues=())
    look(panel, view)
    assert "yet" in panel.accessibleDescription()


def test_it_says_accuracy_and_the_bound_of_guessing(panel, make_view):
    view = make_view()
    view.change(cues=(), trials=trials(20, wrong=0))
    look(panel, view)
    assert panel.accessibleDescription() == (
        "17 of 20 cues decided as asked; guessing stays at or below 70\u00a0%"
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(300, 200), (340, 330), (520, 700)])
@pytest.mark.parametrize("count", [1, 2, 20, 400])
def test_every_number_of_trials_is_drawn_at_every_size(panel, make_view, picture, size, count):
    view = make_view()
    panel.resize(*size)
    empty = picture(panel)
    view.change(cues=(), trials=trials(count))
    look(panel, view)
    assert not np.array_equal(picture(panel), empty)


def test_nothing_is_painted_anew_without_a_new_trial(panel, make_view, monkeypatch):
    view = make_view()
    view.change(trials=trials(4))
    look(panel, view)
    asked = []
    monkeypatch.setattr(panel, "update", lambda: asked.append(1))
    look(panel, view)
    assert asked == []
    view.change(trials=trials(5))
    look(panel, view)
    assert asked == [1]


# -- cues over the traces and over the last minute


def changed_columns(before, after):
    """Return the columns that differ by more than the rounding of edges."""
    return np.flatnonzero((np.abs(before.astype(int) - after) > 8).any(axis=(0, 2)))


def test_cues_stand_at_their_time_in_the_traces(qtbot, make_view, picture):
    view = make_view()
    traces = TraceView()
    qtbot.addWidget(traces)
    traces.resize(900, 500)
    traces.show()
    traces.set_channels(view.state.channels, True)
    traces.follow(view.traces)
    before = picture(traces)
    view.change(cues=(Cue(view.time - 5.0, None, "T1", "left_hand"),))
    traces.set_cues(cue_marks(view.state))
    plot = traces._layout.plot
    below = slice(int(plot.top()) + 20, None)
    columns = changed_columns(before[below], picture(traces)[below])
    assert len(columns) == 1  # a line of one pixel, below its word
    assert columns[0] == pytest.approx(plot.right() - 0.5 * plot.width(), abs=2)
    # The signal moves on, and the cue with it.
    view.later(1.0)
    traces.follow(view.traces)
    moved = picture(traces)
    traces.set_cues(())
    columns = changed_columns(moved[below], picture(traces)[below])
    assert columns[0] == pytest.approx(plot.right() - 0.6 * plot.width(), abs=2)


def test_cues_of_classes_stand_in_the_last_minute_and_other_markers_do_not(
    qtbot, make_view, picture
):
    view = make_view()
    strip = HistoryStrip()
    qtbot.addWidget(strip)
    strip.resize(900, 168)
    strip.show()
    strip.show_snapshot(view.state)
    before = picture(strip)
    view.change(cues=(Cue(view.time - 15.0, 1, "T0", ""),))
    strip.show_snapshot(view.state)
    assert not len(changed_columns(before, picture(strip)))
    view.change(cues=(Cue(view.time - 15.0, 1, "T1", "left_hand"),))
    strip.show_snapshot(view.state)
    columns = changed_columns(before, picture(strip))
    chart = 900 - 72
    assert columns[0] == pytest.approx(52 + 0.75 * chart, abs=2)


def test_text_of_markers_is_one_harmless_line(make_view):
    view = make_view()
    view.change(cues=(Cue(1.0, None, "<b>x</b>\n\u202e" + "y" * 500, ""),))
    (mark,) = cue_marks(view.state)
    assert mark.words.startswith("<b>x</b> yyy")
    assert len(mark.words) <= 40
