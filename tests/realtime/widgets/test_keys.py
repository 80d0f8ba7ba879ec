"""What the window's keys do, wherever the focus is."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QWidget


@pytest.mark.slow
def test_space_pauses_and_resumes(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    qtbot.keyClick(window.traces, Qt.Key.Key_Space)
    qtbot.keyClick(window.traces, Qt.Key.Key_Space)
    assert view.asked_pause == [True, False]


@pytest.mark.slow
def test_u_undoes_adaptation_wherever_the_focus_is(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    qtbot.keyClicks(window.traces, "u")
    qtbot.keyClicks(window.controls.boxes[0], "U")
    assert view.adaptations_toggled == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "field", "value"),
    [
        ("[", "threshold", 0.60),
        ("]", "threshold", 0.70),
        ("t", "threshold", 0.70),
        ("T", "threshold", 0.60),
        ("d", "dwell", 0.75),
        ("D", "dwell", 0.25),
        ("s", "smoothing", 1.25),
        ("S", "smoothing", 0.75),
    ],
)
def test_keys_change_the_evidence_rule(show, make_view, qtbot, typed, field, value):
    view = make_view()
    before = view.state.evidence
    window = show(view)
    qtbot.keyClicks(window.traces, typed)
    assert view.asked_evidence == [replace(before, **{field: value})]


@pytest.mark.slow
def test_keys_change_how_signals_are_drawn(show, make_view, qtbot):
    window = show(make_view())
    scale, span = window.traces.scale_uv, window.traces.span
    qtbot.keyClicks(window.traces, "+")
    assert window.traces.scale_uv < scale  # fewer µV a row: larger traces
    qtbot.keyClicks(window.traces, "--")
    assert window.traces.scale_uv > scale
    qtbot.keyClicks(window.traces, ".")
    assert window.traces.span > span
    qtbot.keyClicks(window.traces, ",,")
    assert window.traces.span < span


@pytest.mark.slow
def test_keys_page_through_many_channels(show, make_view, qtbot):
    window = show(make_view(channels=256))
    shown = window.traces.page.stop
    assert shown < 256
    qtbot.keyClick(window.traces, Qt.Key.Key_PageDown)
    assert window.traces.page.start == shown
    for _ in range(20):
        qtbot.keyClick(window.traces, Qt.Key.Key_PageDown)
    assert window.traces.page.stop == 256
    qtbot.keyClick(window.traces, Qt.Key.Key_R)
    assert window.traces.page == slice(0, 16)  # the next of 32, 16, 64 and all


@pytest.mark.slow
def test_keys_work_while_a_number_has_the_focus(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    box = window.controls.threshold.box
    box.setFocus()
    qtbot.keyClicks(box, "]")
    assert view.state.evidence.threshold == pytest.approx(0.70)
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert view.asked_pause == [True]
    box.selectAll()
    qtbot.keyClicks(box, "80")
    assert view.state.evidence.threshold == pytest.approx(0.70)  # not before it is finished
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert view.state.evidence.threshold == pytest.approx(0.80)
    assert window.focusWidget() is window.traces


@pytest.mark.slow
def test_a_fraction_can_be_typed(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    span = window.traces.span
    box = window.controls.dwell.box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "1.75")  # the point is a key of the window, too
    qtbot.keyClick(box, Qt.Key.Key_Enter)
    assert view.state.evidence.dwell == 1.75
    assert window.traces.span == span


@pytest.mark.slow
def test_subject_view_opens_and_closes_by_key(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    qtbot.keyClick(window.traces, Qt.Key.Key_F)
    subject = window.subject.view
    assert subject.isFullScreen()
    qtbot.keyClick(subject, Qt.Key.Key_Space)  # the operator's keys work there too
    assert view.asked_pause == [True]
    qtbot.keyClick(subject, Qt.Key.Key_Escape)
    assert window.subject.view is None
    qtbot.keyClick(window.traces, Qt.Key.Key_F11)
    assert window.subject.view is not None


@pytest.mark.slow
def test_help_lists_the_keys_until_a_key_is_pressed(show, make_view, qtbot):
    window = show(make_view())
    qtbot.keyClicks(window.traces, "?")
    assert window.help.isVisible()
    assert "Space: pause" in window.help.accessibleDescription()
    qtbot.keyClick(window.help, Qt.Key.Key_Escape)
    assert not window.help.isVisible()


@pytest.mark.slow
def test_ctrl_q_quits(show, make_view, qtbot):
    window = show(make_view())
    qtbot.keyClick(window.traces, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()


@pytest.mark.slow
def test_keys_that_mean_nothing_do_nothing(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    before = view.state
    qtbot.keyClick(window.traces, Qt.Key.Key_Left)
    # A Cyrillic letter: Qt has no name for its key.
    event = QKeyEvent(QEvent.Type.KeyPress, 0x416, Qt.KeyboardModifier.NoModifier, "ж")
    QApplication.sendEvent(window.traces, event)
    assert view.state == before


@pytest.mark.slow
def test_arrow_keys_steer_the_simulated_subject(show, make_view, qtbot):
    imagined = []
    window = show(make_view(), on_imagine=imagined.append)
    assert window.hint.isVisible()
    target = window.controls.threshold.box
    target.setFocus()  # wherever the focus is
    qtbot.keyPress(target, Qt.Key.Key_Right)
    assert "right hand" in window.hint.accessibleDescription()
    repeated = QKeyEvent(
        QEvent.Type.KeyPress, Qt.Key.Key_Right, Qt.KeyboardModifier.NoModifier, "", True, 1
    )
    QApplication.sendEvent(target, repeated)
    qtbot.keyPress(target, Qt.Key.Key_Left)
    qtbot.keyRelease(target, Qt.Key.Key_Left)
    qtbot.keyRelease(target, Qt.Key.Key_Right)
    assert imagined == ["right_hand", "left_hand", "right_hand", None]
    qtbot.keyPress(window.traces, Qt.Key.Key_Left)
    qtbot.keyPress(window.traces, Qt.Key.Key_Down)
    assert imagined[4:] == ["left_hand", None]
    assert "rest" in window.hint.accessibleDescription()


@pytest.mark.slow
def test_no_hint_and_no_steering_without_a_simulated_subject(show, make_view):
    assert not show(make_view()).hint.isVisible()


@pytest.mark.slow
def test_calibration_is_offered_where_somebody_can_do_it(show, make_view, qtbot):
    asked = []
    view = make_view(classes=None)
    window = show(view, on_calibrate=lambda: asked.append(True))
    qtbot.keyClicks(window.traces, "c")
    assert asked == [True]
    assert window.offer.findChildren(QAbstractButton)
    assert not show(view).offer.findChildren(QAbstractButton)


@pytest.mark.slow
def test_tab_goes_through_every_control_and_back(show, make_view):
    window = show(make_view())
    seen = []
    for _ in range(12):
        seen.append(window.focusWidget())
        window.focusNextChild()
    controls = window.controls
    assert seen == [
        window.traces,
        controls.pause,
        *controls.boxes,
        controls.panels,
        controls.markers,
        controls.tasks,
        controls.subject,
        controls.help,
    ]
    assert window.focusWidget() is window.traces


def test_everything_that_takes_keys_has_a_name(show, make_view):
    window = show(make_view(classes=None), on_calibrate=lambda: None)
    focusable = [w for w in window.findChildren(QWidget) if w.focusPolicy()]
    assert any(isinstance(w, QAbstractSpinBox) for w in focusable)
    for widget in focusable:
        # A spin box speaks for the line inside it, a button for the text on it.
        spoken = widget.accessibleName() or getattr(widget, "text", str)()
        assert spoken or isinstance(widget.parent(), QAbstractSpinBox), widget
