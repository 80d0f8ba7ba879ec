"""The head maps of the window: where they have their minimum, and that they are always drawn."""

from dataclasses import replace

import numpy as np
import pytest

from core.signal.monitor import ChannelStatus, Monitor, Traces
from core.signal.spectrum import BANDS
from core.topography import head_place
from realtime.panels.panel import NewestSignal
from realtime.panels.scalp import ScalpPanel
from simulation.synthetic import LABELS, SimulatedSubject

RATE = 250.0


@pytest.fixture
def panel(qtbot):
    widget = ScalpPanel()
    qtbot.addWidget(widget)
    widget.resize(400, 560)
    widget.show()
    failures = []
    widget.failed.connect(failures.append)
    yield widget
    assert failures == []


class Subject:
    """A simulated subject whose signal goes through the monitor of the window."""

    def __init__(self, view):
        self.person = SimulatedSubject(3, RATE, LABELS)
        self.monitor = Monitor(LABELS, LABELS, [1.0] * len(LABELS), RATE)
        self.samples = 0
        channels = tuple(ChannelStatus(name, name, "good") for name in LABELS)
        self.view = view
        view.change(channels=channels, recent=(), latest=None)

    def live(self, panel, seconds, imagined):
        self.person.imagine(imagined)
        for _ in range(round(4 * seconds)):
            count = round(RATE / 4)
            self.samples += count
            self.monitor.push(self.person.generate(count), self.samples / RATE)
            signal = NewestSignal(self.monitor.traces, self.monitor.raw_traces)
            panel.look(self.view.state, signal)


@pytest.mark.slow
@pytest.mark.parametrize(("imagined", "site"), [("left_hand", "C4"), ("right_hand", "C3")])
def test_the_map_of_mu_has_its_minimum_where_the_simulator_desynchronises(
    panel, make_view, until, imagined, site
):
    subject = Subject(make_view())
    resting = []
    for _ in range(5):
        for kind, seconds in ((None, 6), (imagined, 4)):
            subject.live(panel, seconds, kind)
            resting += (len(panel.history.times) - len(resting)) * [kind is None]
    until(lambda: panel.head is not None)
    logs, resting = panel.history.logs[:, list(BANDS).index("mu")], np.array(resting)
    settled = np.convolve(resting, np.ones(6), "full")[: len(resting)]  # of the last six
    rest, imagery = logs[settled == 6].mean(axis=0), logs[settled == 0].mean(axis=0)
    grid = panel.head.interpolate(100 * np.expm1(imagery - rest))
    axis = np.linspace(-panel.head.radius, panel.head.radius, len(grid))
    row, column = np.unravel_index(np.nanargmin(grid), grid.shape)
    assert np.hypot(*(head_place(site) - (axis[column], axis[row]))) < 0.2
    assert np.nanmin(grid) < -40.0


@pytest.mark.slow
def test_the_pattern_is_where_power_moves_with_the_decoder(panel, make_view, until):
    view = make_view()
    subject = Subject(view)
    random = np.random.default_rng(0)
    base = view.state.recent or make_view().state.recent
    shown = []
    for block in range(6):
        hand = ("left_hand", "right_hand")[block % 2]
        for _ in range(32):
            subject.live(panel, 0.25, hand)
            right = np.clip((0.85 if hand == "right_hand" else 0.15) + random.normal(0, 0.05), 0, 1)
            shown.append(
                replace(
                    base[0],
                    time=subject.samples / RATE,
                    status="ok",
                    probabilities={"left_hand": 1 - right, "right_hand": right},
                )
            )
            view.change(recent=tuple(shown))
    until(lambda: panel.head is not None)
    pattern = dict(zip(LABELS, panel.pattern, strict=True))
    # More power over the right hemisphere speaks for the right hand, less over the left.
    assert pattern["C4"] > 0.3
    assert pattern["C3"] < -0.3


@pytest.mark.slow
@pytest.mark.parametrize("size", [(300, 200), (400, 640), (1000, 260)])
@pytest.mark.parametrize("channels", [1, 8, 64])
def test_it_is_drawn_at_every_size_with_any_channels(
    panel, make_view, picture, until, size, channels
):
    view = make_view(channels)
    panel.resize(*size)
    for _ in range(70):
        view.later(0.25)
        panel.look(view.state, NewestSignal(view.traces, view.raw_traces))
    until(lambda: panel.head is not None)
    before = picture(panel)
    view.judge(C3="flat", FC4="line", Ch1="noisy")
    panel.look(view.state, NewestSignal(view.traces, view.raw_traces))
    assert (channels == 1) == np.array_equal(before, picture(panel))


def test_b_sets_the_baseline(panel, make_view):
    view = make_view()
    panel.look(view.state, NewestSignal(view.traces, view.raw_traces))
    assert "last minute" in panel.controls.note.text()
    assert panel.press("B")
    assert "baseline" in panel.controls.note.text()


def test_without_signal_it_waits(panel, make_view, picture, until):
    view = make_view()
    nothing = NewestSignal(*2 * [lambda s: Traces(np.empty(0), np.empty((0, 8)))])
    panel.look(view.state, nothing)
    until(lambda: panel.head is not None)
    panel.look(view.state, nothing)
    assert picture(panel).any()
