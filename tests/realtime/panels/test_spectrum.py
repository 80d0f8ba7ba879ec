"""The panel of spectra and bands draws what the tested functions give."""

import numpy as np
import pytest
from scipy import signal as scipy_signal

from core.signal.monitor import ChannelStatus, Traces
from realtime.engine.cued_trials import Cue
from realtime.panels.panel import NewestSignal
from realtime.panels.spectrum import SECONDS, SpectrumPanel


@pytest.fixture
def panel(qtbot):
    widget = SpectrumPanel()
    qtbot.addWidget(widget)
    widget.resize(400, 600)
    widget.show()
    failures = []
    widget.failed.connect(failures.append)
    yield widget
    assert failures == []


def source(view):
    return NewestSignal(view.traces, view.raw_traces)


def test_both_spectra_are_welchs_of_the_signal_that_was_given(panel, make_view):
    view = make_view()
    panel.look(view.state, source(view))
    for shown, given in (
        (panel.filtered, view.traces(SECONDS)),
        (panel.raw, view.raw_traces(SECONDS)),
    ):
        samples = given.samples_uv[:, [2, 3, 4]].astype(float)  # C3, CZ, C4
        expected = scipy_signal.welch(samples, 256.0, nperseg=512, axis=0)
        np.testing.assert_allclose(shown[0], expected[0])
        np.testing.assert_allclose(shown[1], expected[1])


def test_motor_electrodes_are_shown_first_and_others_by_choice(panel, make_view):
    view = make_view()  # FC3 FC4 C3 CZ C4 ...
    panel.look(view.state, source(view))
    assert panel.controls.picks == (2, 3, 4)
    actions = panel.controls.menu.actions()
    actions[3].trigger()
    actions[0].trigger()
    assert panel.controls.picks == (2, 4, 0)
    for index in (1, 5, 6, 7):
        actions[index].trigger()
    assert len(panel.controls.picks) == 6
    assert not actions[2].isChecked()  # the oldest made room


@pytest.mark.slow
def test_b_and_the_button_set_the_baseline(panel, make_view, picture):
    view = make_view()
    for _ in range(8):
        view.later(0.25)
        panel.look(view.state, source(view))
    assert "last minute" in panel.controls.note.text()
    before = picture(panel)
    assert panel.press("b")
    assert not panel.press("x")
    assert "baseline" in panel.controls.note.text()
    assert not np.array_equal(before, picture(panel))
    kept = panel.history.baseline
    for _ in range(8):
        view.later(0.25)
        panel.look(view.state, source(view))
    np.testing.assert_array_equal(panel.history.baseline, kept)
    panel.controls.baseline.click()
    assert not np.array_equal(panel.history.baseline, kept)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(300, 200), (340, 640), (900, 900)])
@pytest.mark.parametrize("channels", [1, 8, 64])
def test_it_is_drawn_at_every_size(panel, make_view, picture, size, channels):
    view = make_view(channels)
    view.change(cues=(Cue(view.time - 1.0, None, "T1", "left_hand"),))
    panel.resize(*size)
    waiting = picture(panel)
    for _ in range(4):
        view.later(0.25)
        panel.look(view.state, source(view))
    assert not np.array_equal(waiting, picture(panel))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.9, 2.1])
def test_the_first_seconds_of_a_stream_and_those_after_a_gap_are_drawn(
    panel, make_view, picture, seconds
):
    view = make_view()
    before = picture(panel)
    newest = Traces(np.arange(int(128 * seconds)) / 128.0, np.ones((int(128 * seconds), 8)))
    panel.look(view.state, NewestSignal(lambda s: newest, lambda s: newest))
    assert np.array_equal(before, picture(panel)) == (seconds < 0.75)


def test_no_signal_flat_signal_and_other_channels_are_drawn(panel, make_view, picture):
    view = make_view()
    nothing = NewestSignal(*2 * [lambda s: Traces(np.empty(0), np.empty((0, 8)))])
    panel.look(view.state, nothing)
    picture(panel)
    times = np.arange(1024) / 128.0
    flat = NewestSignal(*2 * [lambda s: Traces(times, np.zeros((1024, 8)))])
    panel.look(view.state, flat)
    picture(panel)
    view.change(channels=(ChannelStatus("A", None, "good"),))
    other = NewestSignal(*2 * [lambda s: Traces(times + 9, np.ones((1024, 1)))])
    panel.look(view.state, other)
    picture(panel)
    assert panel.controls.picks == (0,)
    assert panel.history.logs.shape == (1, 2, 1)
