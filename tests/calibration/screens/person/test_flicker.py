from time import perf_counter

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from calibration.paradigm.model import Paradigm
from calibration.screens.person.flicker import Flicker
from calibration.timing.analysis import TimingLimits, against_frames


@pytest.fixture
def flicker(qtbot):
    told = []
    flicker = Flicker(Paradigm(photodiode="none"), 6, told.append, perf_counter)
    flicker.told = told
    flicker.window.resize(320, 180)
    yield flicker
    flicker.close()


@pytest.mark.slow
def test_every_flash_is_a_stamped_frame(flicker, qtbot):
    with qtbot.waitSignal(flicker.finished, timeout=30_000):
        flicker.open(full_screen=False)
    assert flicker.told == flicker.stamps
    assert len(flicker.stamps) == 6
    assert set(flicker.stamps) < set(flicker.frames)
    gaps = [b - a for a, b in zip(flicker.stamps, flicker.stamps[1:], strict=False)]
    assert min(gaps) > 0.45
    report = against_frames(flicker.stamps, flicker.frames, TimingLimits())
    assert report.count == 6


def test_escape_stops(flicker, qtbot):
    flicker.open(full_screen=False)
    qtbot.waitUntil(lambda: len(flicker.frames) > 3)
    with qtbot.waitSignal(flicker.finished):
        QTest.keyClick(flicker.window, Qt.Key.Key_Escape)
    frames = len(flicker.frames)
    flicker.window.update()
    qtbot.wait(30)
    assert len(flicker.frames) == frames
