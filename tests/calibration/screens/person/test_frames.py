import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from calibration.screens.person.frames import StampedWindow


@pytest.fixture
def log():
    return []


@pytest.fixture
def window(qtbot, log):
    """An open window that logs when it paints, reads the clock, and tells."""
    ticks = iter(range(10**6))

    def clock():
        log.append("clock")
        return float(next(ticks))

    window = StampedWindow(lambda painter, _: log.append("paint"), clock)
    window.flushed.connect(lambda time: log.append(time))
    window.open(full_screen=False)
    qtbot.waitUntil(window.isExposed)
    qtbot.waitUntil(lambda: "paint" in log)
    qtbot.wait(50)
    log.clear()
    yield window
    window.may_close = True
    window.close()


def test_a_frame_is_painted_then_stamped_then_told(qtbot, window, log):
    frames = window.frames
    window.update()
    qtbot.waitUntil(lambda: window.frames == frames + 1)
    paint, clock, stamp = log
    assert (paint, clock) == ("paint", "clock")
    assert isinstance(stamp, float)


def test_many_wishes_for_one_frame_are_one_frame(qtbot, window, log):
    for _ in range(5):
        window.update()
    qtbot.waitUntil(lambda: "clock" in log)
    qtbot.wait(30)
    assert log.count("paint") == 1


def test_closing_by_hand_only_asks(qtbot, window):
    with qtbot.waitSignal(window.close_asked):
        window.close()
    assert window.isVisible()
    window.may_close = True
    window.close()
    assert not window.isVisible()


def test_keys_are_handed_on(qtbot, window):
    keys = []
    window.key_pressed.connect(lambda event: keys.append(event.key()))
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert keys == [Qt.Key.Key_Space]


def test_full_screen_is_as_large_as_the_screen(qtbot):
    window = StampedWindow(lambda painter, _: None, float)
    window.may_close = True
    window.open()
    qtbot.waitUntil(window.isExposed)
    assert window.geometry() == window.screen().geometry()
    window.close()


def test_a_window_that_is_not_full_screen_takes_a_quarter_away_from_the_operators(qtbot, window):
    screen = window.screen().availableGeometry()
    assert window.size() == screen.size() / 2
    assert window.geometry().bottomRight() == screen.bottomRight()
