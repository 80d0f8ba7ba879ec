import gc
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QWidget

import realtime.window
from core.errors import InputError
from core.signal.monitor import Traces
from realtime.snapshot import STATUSES
from realtime.window import MainWindow, run_window


@pytest.fixture
def show(qtbot):
    """Return a function that opens a window on a view."""

    def open_window(view, **hooks):
        window = MainWindow(view, **hooks)
        qtbot.addWidget(window)
        window.show()
        qtbot.waitUntil(lambda: window.traces.frames_drawn > 0 or not view.state.channels)
        return window

    return open_window


def with_other_probabilities(view):
    """Exchange every probability, and keep everything else."""

    def exchanged(decision):
        if decision.probabilities is None:
            return decision
        names, values = zip(*decision.probabilities.items(), strict=True)
        return replace(decision, probabilities=dict(zip(names, reversed(values), strict=True)))

    recent = tuple(exchanged(decision) for decision in view.state.recent)
    view.change(recent=recent, latest=recent[-1])


# -- no probability unless one may be seen


@pytest.mark.parametrize("status", STATUSES[1:])
def test_refused_window_shows_words_and_no_probability(show, make_view, picture, status):
    view = make_view()
    view.change(status=status, message="Waiting for 4 s of signal, 2.3 s to go.")
    window = show(view)
    before = picture(window.probabilities)
    # An engine that still carries the last probabilities must not get them onto the screen.
    with_other_probabilities(view)
    window.look()
    assert np.array_equal(before, picture(window.probabilities))
    words = window.probabilities.accessibleDescription()
    assert "%" not in words
    assert "2.3 s to go" in words


def test_probabilities_are_drawn_when_ok(show, make_view, picture):
    view = make_view()
    window = show(view)
    before = picture(window.probabilities)
    with_other_probabilities(view)
    window.look()
    assert not np.array_equal(before, picture(window.probabilities))
    assert "left hand" in window.probabilities.accessibleDescription()


def test_paused_window_shows_no_probability(show, make_view, picture):
    view = make_view()
    view.change(paused=True)
    window = show(view)
    before = picture(window.probabilities)
    with_other_probabilities(view)
    window.look()
    assert np.array_equal(before, picture(window.probabilities))
    assert "Paused" in window.probabilities.accessibleDescription()


def test_without_decoder_nothing_in_the_window_depends_on_probabilities(show, make_view, picture):
    view = make_view()
    view.change(decoder=None)
    window = show(view)
    window.traces.setFocus()
    before = picture(window.centralWidget())
    with_other_probabilities(view)
    window.look()
    assert np.array_equal(before, picture(window.centralWidget()))
    assert window.offer.isVisible()
    assert not window.probabilities.isVisible()
    assert not window.history.isVisible()


# -- keys


def test_space_pauses_and_resumes(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    qtbot.keyClick(window.traces, Qt.Key.Key_Space)
    qtbot.keyClick(window.traces, Qt.Key.Key_Space)
    assert view.asked_pause == [True, False]


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
    assert window.traces.page == slice(0, 32)


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


def test_subject_view_opens_and_closes_by_key(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    qtbot.keyClick(window.traces, Qt.Key.Key_F)
    subject = window.subject
    assert subject.isFullScreen()
    qtbot.keyClick(subject, Qt.Key.Key_Space)  # the operator's keys work there too
    assert view.asked_pause == [True]
    qtbot.keyClick(subject, Qt.Key.Key_Escape)
    assert window.subject is None
    qtbot.keyClick(window.traces, Qt.Key.Key_F11)
    assert window.subject is not None


def test_help_lists_the_keys_until_a_key_is_pressed(show, make_view, qtbot):
    window = show(make_view())
    qtbot.keyClicks(window.traces, "?")
    assert window.help.isVisible()
    assert "Space: pause" in window.help.accessibleDescription()
    qtbot.keyClick(window.help, Qt.Key.Key_Escape)
    assert not window.help.isVisible()


def test_ctrl_q_quits(show, make_view, qtbot):
    window = show(make_view())
    qtbot.keyClick(window.traces, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not window.isVisible()


def test_keys_that_mean_nothing_do_nothing(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    before = view.state
    qtbot.keyClick(window.traces, Qt.Key.Key_Left)
    # A Cyrillic letter: Qt has no name for its key.
    event = QKeyEvent(QEvent.Type.KeyPress, 0x416, Qt.KeyboardModifier.NoModifier, "ж")
    QApplication.sendEvent(window.traces, event)
    assert view.state == before


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


def test_no_hint_and_no_steering_without_a_simulated_subject(show, make_view):
    assert not show(make_view()).hint.isVisible()


def test_calibration_is_offered_where_somebody_can_do_it(show, make_view, qtbot):
    asked = []
    view = make_view(classes=None)
    window = show(view, on_calibrate=lambda: asked.append(True))
    qtbot.keyClicks(window.traces, "c")
    assert asked == [True]
    assert window.offer.findChildren(QAbstractButton)
    assert not show(view).offer.findChildren(QAbstractButton)


def test_tab_goes_through_every_control_and_back(show, make_view):
    window = show(make_view())
    seen = []
    for _ in range(9):
        seen.append(window.focusWidget())
        window.focusNextChild()
    controls = window.controls
    assert seen == [
        window.traces,
        controls.pause,
        *controls.boxes,
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


# -- no needless work


class PaintCounter(QObject):
    """Counts paint events of the widgets it filters."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def eventFilter(self, watched, event):
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_nothing_is_painted_while_nothing_changes(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    qtbot.wait(50)
    counter = PaintCounter()
    for widget in (window, *window.findChildren(QWidget)):
        widget.installEventFilter(counter)
    frames, traces, snapshots = window.traces.frames_drawn, view.traces_asked, view.snapshots_asked
    qtbot.waitUntil(lambda: view.traces_asked > traces + 10)
    qtbot.waitUntil(lambda: view.snapshots_asked > snapshots + 3)
    assert counter.count == 0
    assert window.traces.frames_drawn == frames


def test_each_step_of_the_signal_is_one_frame(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    for _ in range(5):
        frames = window.traces.frames_drawn
        view.later(0.1)
        qtbot.waitUntil(lambda frames=frames: window.traces.frames_drawn > frames)
        asked = view.traces_asked
        qtbot.waitUntil(lambda asked=asked: view.traces_asked > asked + 3)
        assert window.traces.frames_drawn == frames + 1


def test_hidden_window_asks_for_no_signal(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    window.hide()
    asked, snapshots = view.traces_asked, view.snapshots_asked
    qtbot.waitUntil(lambda: view.snapshots_asked > snapshots + 3)
    assert view.traces_asked == asked


def test_two_hundred_frames_keep_every_reference_to_none(show, make_view):
    # PySide6 6.12.0 dropped one at every call that returns nothing, until Python aborted.
    view = make_view(channels=64)
    window = show(view)
    gc.collect()
    before = sys.getrefcount(None)
    for _ in range(200):
        view.later(0.05)
        window.follow()
        window.traces.repaint()
    gc.collect()
    assert window.traces.frames_drawn >= 200
    assert abs(sys.getrefcount(None) - before) < 200


# -- odd input


@pytest.mark.parametrize("channels", [0, 1, 8, 64, 256])
@pytest.mark.parametrize(
    "classes", [None, ("rest",), ("left_hand", "right_hand", "feet", "tongue"), ("", "a" * 300)]
)
def test_any_number_of_channels_and_classes_is_painted(show, make_view, picture, channels, classes):
    window = show(make_view(channels, classes))
    assert picture(window).any()


def test_unknown_samples_gaps_and_missing_channels_are_painted(show, make_view, picture):
    view = make_view()
    whole = view.traces(10.0)

    def damaged(seconds):
        samples = whole.samples_uv[:, :5].copy()  # fewer than the channels announced
        samples[100:200, 1] = np.nan
        samples[:, 2] = np.nan
        times = whole.times.copy()
        times[len(times) // 2 :] += 1.5
        times[7] = np.nan
        return Traces(times, samples)

    view.traces = damaged
    window = show(view)
    assert picture(window).any()
    view.traces = lambda seconds: Traces(np.empty(0), np.empty((0, 8)))
    window.follow()
    window.traces.repaint()


def test_text_from_the_network_is_never_markup(show, make_view):
    view = make_view()
    name = "<b>amp</b>\u202e\nlifier"
    view.change(stream=replace(view.state.stream, name=name, host="<i>h</i>"), message="<h1>x</h1>")
    view.change(decoder=None)
    window = show(view)
    assert "<b>amp</b> lifier" in window.windowTitle()
    assert "<b>amp</b> lifier" in window.status.accessibleDescription()
    assert window.offer.message.textFormat() == Qt.TextFormat.PlainText


# -- pictures and the whole run


def test_screenshot_is_a_picture_of_the_window(show, make_view, tmp_path):
    window = show(make_view())
    window.screenshot(tmp_path / "window.png")
    image = QImage(str(tmp_path / "window.png"))
    assert image.size() == window.size() * window.devicePixelRatioF()
    assert [file.name for file in tmp_path.glob("*.png")] == ["window.png"]


def test_screenshot_overwrites_nothing_unless_asked(show, make_view, tmp_path):
    window = show(make_view())
    path = tmp_path / "window.png"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        window.screenshot(path)
    assert path.read_text() == "mine"
    window.screenshot(path, overwrite=True)
    assert not QImage(str(path)).isNull()


def test_screenshot_that_cannot_be_written_says_so(show, make_view, tmp_path):
    window = show(make_view())
    with pytest.raises(InputError, match="cannot be written"):
        window.screenshot(tmp_path / "missing" / "window.png")


def test_run_ends_after_its_duration_with_a_picture(qapp, make_view, tmp_path):
    path = tmp_path / "window.png"
    assert run_window(make_view(), screenshot=path, duration=0.3) == 0
    assert not QImage(str(path)).isNull()


def test_run_takes_its_picture_after_the_first_decision(qapp, make_view, tmp_path, monkeypatch):
    monkeypatch.setattr(realtime.window, "_SETTLE", 0.1)
    path = tmp_path / "window.png"
    watch = QTimer(interval=20)
    watch.timeout.connect(lambda: path.exists() and qapp.closeAllWindows())
    watch.start()
    assert run_window(make_view(), screenshot=path) == 0
    assert not QImage(str(path)).isNull()


def test_window_closed_early_still_leaves_its_picture(qapp, make_view, tmp_path):
    path = tmp_path / "window.png"
    QTimer.singleShot(100, qapp.closeAllWindows)
    assert run_window(make_view(classes=None), screenshot=path) == 0
    assert not QImage(str(path)).isNull()


def test_ctrl_c_ends_the_run(qapp, make_view):
    before = signal.getsignal(signal.SIGINT)
    QTimer.singleShot(100, lambda: signal.raise_signal(signal.SIGINT))
    assert run_window(make_view()) == 130
    assert signal.getsignal(signal.SIGINT) is before


def test_run_refuses_to_overwrite_before_it_opens_anything(qapp, make_view, tmp_path):
    view = make_view()
    path = tmp_path / "window.png"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        run_window(view, screenshot=path, duration=0.1)
    assert view.snapshots_asked == 0


def test_run_reports_a_picture_that_failed(qapp, make_view, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        run_window(make_view(), screenshot=tmp_path / "no" / "window.png", duration=0.1)
