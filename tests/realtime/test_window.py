import gc
import signal
import sys
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

import realtime.screenshot
from core.errors import InputError
from core.signal.monitor import Traces
from realtime.engine.snapshot import STATUSES
from realtime.window import MainWindow, run_window


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_probabilities_are_drawn_when_ok(show, make_view, picture):
    view = make_view()
    window = show(view)
    before = picture(window.probabilities)
    with_other_probabilities(view)
    window.look()
    assert not np.array_equal(before, picture(window.probabilities))
    assert "left hand" in window.probabilities.accessibleDescription()


@pytest.mark.slow
def test_paused_window_shows_no_probability(show, make_view, picture):
    view = make_view()
    view.change(paused=True)
    window = show(view)
    before = picture(window.probabilities)
    with_other_probabilities(view)
    window.look()
    assert np.array_equal(before, picture(window.probabilities))
    assert "Paused" in window.probabilities.accessibleDescription()


@pytest.mark.slow
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


# -- no needless work


class PaintCounter(QObject):
    """Counts paint events of the widgets it filters."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def eventFilter(self, watched, event):
        self.count += event.type() == QEvent.Type.Paint
        return False


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_hidden_window_asks_for_no_signal(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    window.hide()
    asked, snapshots = view.traces_asked, view.snapshots_asked
    qtbot.waitUntil(lambda: view.snapshots_asked > snapshots + 3)
    assert view.traces_asked == asked


@pytest.mark.slow
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
    # PySide6 6.11.3 adds some where a widget's attribute has changed, which harms nobody.
    assert sys.getrefcount(None) > before - 200


# -- odd input


@pytest.mark.slow
@pytest.mark.parametrize("channels", [0, 1, 8, 64, 256])
@pytest.mark.parametrize(
    "classes", [None, ("rest",), ("left_hand", "right_hand", "feet", "tongue"), ("", "a" * 300)]
)
def test_any_number_of_channels_and_classes_is_painted(show, make_view, picture, channels, classes):
    window = show(make_view(channels, classes))
    assert picture(window).any()


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_screenshot_is_a_picture_of_the_window(show, make_view, tmp_path):
    window = show(make_view())
    window.screenshot(tmp_path / "window.png")
    image = QImage(str(tmp_path / "window.png"))
    assert image.size() == window.size() * window.devicePixelRatioF()
    assert [file.name for file in tmp_path.glob("*.png")] == ["window.png"]


@pytest.mark.slow
def test_screenshot_overwrites_nothing_unless_asked(show, make_view, tmp_path):
    window = show(make_view())
    path = tmp_path / "window.png"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        window.screenshot(path)
    assert path.read_text() == "mine"
    window.screenshot(path, overwrite=True)
    assert not QImage(str(path)).isNull()


@pytest.mark.slow
def test_screenshot_that_cannot_be_written_says_so(show, make_view, tmp_path):
    window = show(make_view())
    with pytest.raises(InputError, match="cannot be written"):
        window.screenshot(tmp_path / "missing" / "window.png")


@pytest.mark.slow
def test_run_ends_after_its_duration_with_a_picture(qapp, make_view, tmp_path):
    path = tmp_path / "window.png"
    assert run_window(make_view(), screenshot=path, duration=0.3) == 0
    assert not QImage(str(path)).isNull()


@pytest.mark.slow
def test_run_takes_its_picture_after_the_first_decision(qapp, make_view, tmp_path, monkeypatch):
    monkeypatch.setattr(realtime.screenshot, "_SETTLE", 0.1)
    path = tmp_path / "window.png"
    watch = QTimer(interval=20)
    watch.timeout.connect(lambda: path.exists() and qapp.closeAllWindows())
    watch.start()
    assert run_window(make_view(), screenshot=path) == 0
    assert not QImage(str(path)).isNull()


@pytest.mark.slow
def test_window_closed_early_still_leaves_its_picture(qapp, make_view, tmp_path):
    path = tmp_path / "window.png"
    QTimer.singleShot(100, qapp.closeAllWindows)
    assert run_window(make_view(classes=None), screenshot=path) == 0
    assert not QImage(str(path)).isNull()


@pytest.mark.slow
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


@pytest.mark.slow
def test_run_reports_a_picture_that_failed(qapp, make_view, tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        run_window(make_view(), screenshot=tmp_path / "no" / "window.png", duration=0.1)


def test_c_where_no_decoder_fits_asks_for_a_calibration_and_closes(qapp, make_view):
    asked = []
    QTimer.singleShot(300, lambda: press(Qt.Key.Key_C))
    assert run_window(make_view(8, None), on_calibrate=lambda: asked.append(1)) == 0
    assert asked == [1]


@pytest.mark.slow
def test_c_while_decoding_asks_for_nothing(qapp, make_view):
    asked = []
    QTimer.singleShot(300, lambda: press(Qt.Key.Key_C))
    assert run_window(make_view(), on_calibrate=lambda: asked.append(1), duration=0.6) == 0
    assert asked == []


def press(key):
    """Press a key in the window that is open."""
    [window] = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
    QTest.keyClick(window, key)
